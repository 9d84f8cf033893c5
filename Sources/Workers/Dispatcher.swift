public import Inference
public import Jobs
public import Logging
public import Models
import Synchronization

/// Takes requests out of the queue, runs them, and commits what came of them.
///
/// The bridge between `Jobs`, which knows nothing of models, and `Inference`, which knows nothing of jobs. A claim is
/// prepared (bytes, pixels, prompt), generated, and completed under its fence; whoever waits for it sees the tokens as
/// they come, but the last event only once the result is committed.
public final class Dispatcher: Sendable {
    let store: JobStore
    let model: LoadedModel
    let generator: any TextGenerator
    let images: any ImageSource
    let configuration: DispatcherConfiguration
    let logger: Logger
    let pool: BlockingPool
    let waitingPixels: PixelBudget
    /// Shared with those who check requests at the door, so that a constraint is compiled once.
    public let constraints: ConstraintCompiler
    let waiters = Waiters()
    let worker: WorkerID
    let measured = Mutex(DispatcherStatistics())
    let imageWork = Mutex(Occupancy())
    /// Requests in hand and how to stop each.
    let running = Mutex<[RequestID: RunningRequest]>([:])
    private let wake: AsyncStream<Void>
    let waker: AsyncStream<Void>.Continuation
    private let drains: AsyncStream<Duration>
    private let drainer: AsyncStream<Duration>.Continuation
    private let isDraining = Atomic(false)

    public init(
        store: JobStore, model: LoadedModel, generator: any TextGenerator, images: any ImageSource,
        configuration: DispatcherConfiguration = .init(), logger: Logger
    ) {
        self.store = store
        self.model = model
        self.generator = generator
        self.images = images
        self.configuration = configuration
        self.logger = logger
        pool = BlockingPool(threads: configuration.imageThreads)
        waitingPixels = PixelBudget(bytes: configuration.waitingPixelBytes)
        constraints = ConstraintCompiler(model: model)
        worker = WorkerID(rawValue: "dispatcher-\(UInt64.random(in: 0 ... .max))")
        (wake, waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (drains, drainer) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    public var statistics: DispatcherStatistics {
        var statistics = measured.withLock { $0 }
        statistics.imageWorkTime = imageWork.withLock { $0.total }
        return statistics
    }
    var modelIdentity: String { model.card.identity }
    var drainsNow: Bool { isDraining.load(ordering: .acquiring) }

    /// Claims and runs requests until cancelled or, after `drain`, until nothing claimed is left.
    /// - Parameter job: the only job to work for; nil for everything that waits for this model.
    public func run(only job: JobID? = nil) async throws {
        let scope = job.map(ClaimScope.job) ?? .model(modelIdentity)
        // Listening begins before the first claim, so that nothing falls between the two.
        let pokes = store.workAvailable
        let cancellations = store.cancellations
        waker.yield()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in pokes { self.waker.yield() } }
            group.addTask { for await request in cancellations { self.end(request, .cancelled) } }
            group.addTask { await self.renewLeases() }
            group.addTask { await self.pruneHourly() }
            group.addTask { await self.cancelAbandoned() }
            group.addTask { await self.stopWhenDrained() }
            defer { group.cancelAll() }
            try await claimAndRun(scope)
        }
    }

    /// Stops claiming. `run` returns when what is running has ended; what has not after `patience` goes back to the
    /// queue, or fails with `shutting_down` if somebody waits for it.
    public func drain(patience: Duration) {
        isDraining.store(true, ordering: .releasing)
        drainer.yield(patience)
        waker.yield()
    }

    // MARK: Claiming

    private func claimAndRun(_ scope: ClaimScope) async throws {
        try await withThrowingDiscardingTaskGroup { runs in
            var alarm: Timestamp?
            for await _ in wake {
                if drainsNow && running.withLock({ $0.isEmpty }) { break }
                while !drainsNow, let claims = try await claimFree(scope) {
                    for claim in claims {
                        let signal = register(claim)
                        runs.addTask {
                            await self.perform(claim, until: signal)
                            self.running.withLock { _ = $0.removeValue(forKey: claim.requestID) }
                            self.waker.yield()
                        }
                    }
                }
                if let due = try await store.nextDue(of: scope), due != alarm {
                    alarm = due
                    runs.addTask { try? await self.sleep(until: due) }
                }
            }
            runs.cancelAll()
        }
    }

    /// As many requests as there are free slots; nil when there is no slot or no request.
    private func claimFree(_ scope: ClaimScope) async throws -> [Claim]? {
        let (interactive, bulk) = running.withLock { running in
            let interactive = running.values.count { $0.claim.priority == .interactive }
            return (interactive, running.count - interactive)
        }
        let room = ClaimRoom(
            interactive: configuration.interactiveSlots - interactive, bulk: configuration.bulkSlots - bulk,
            total: configuration.interactiveSlots + configuration.bulkSlots - interactive - bulk)
        guard room.total > 0 else { return nil }
        let claims = try await store.claim(room, of: scope, for: worker)
        return claims.isEmpty ? nil : claims
    }

    private func register(_ claim: Claim) -> AsyncStream<RunEnd> {
        let (signal, continuation) = AsyncStream<RunEnd>.makeStream(bufferingPolicy: .bufferingOldest(1))
        running.withLock { $0[claim.requestID] = RunningRequest(claim: claim, end: continuation) }
        return signal
    }

    // MARK: Around the runs

    private func sleep(until due: Timestamp) async throws {
        let wait = due.milliseconds - store.now.milliseconds
        try await Task.sleep(for: .milliseconds(max(wait, 0) + 1))
        waker.yield()
    }

    private func cancelAbandoned() async {
        for await key in waiters.abandoned {
            guard let request = waiters.leave(key) else { continue }
            do {
                // The row first: the run that then ends is recorded as cancelled, not as failed.
                try await store.cancel(request)
            } catch {
                logger.error("abandoned request not cancelled", metadata: ["error": "\(error)", "key": "\(key)"])
            }
            end(request, .cancelled)
        }
    }

    private func stopWhenDrained() async {
        for await patience in drains {
            await refuseWaiting()
            guard (try? await Task.sleep(for: patience)) != nil else { return }
            for request in running.withLock({ Array($0.keys) }) { end(request, .shutdown) }
        }
    }

    private func refuseWaiting() async {
        for (key, request) in waiters.all {
            if let request { await refuse(key, request) }
        }
    }

    /// Answers who waits for a request that nobody will claim any more.
    func refuse(_ key: String, _ request: RequestID) async {
        guard running.withLock({ $0[request] == nil }) else { return }
        waiters.finish(key, with: .failed(.shuttingDown))
        try? await store.cancel(request)
    }

    func end(_ request: RequestID, _ reason: RunEnd) {
        running.withLock { $0[request] }?.end.yield(reason)
    }
}

/// A request in hand.
struct RunningRequest: Sendable {
    let claim: Claim
    let end: AsyncStream<RunEnd>.Continuation
}

/// Why a run is stopped from outside.
enum RunEnd: Sendable {
    case cancelled
    case leaseLost
    case shutdown
}
