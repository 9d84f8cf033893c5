public import Jobs
public import Logging
public import Models
import Synchronization
import Workers

/// Brings batches from their upload to their output: validates files, puts their lines into the queue, and writes what came
/// of them. The lines themselves are run by whoever works for the queue.
///
/// Where a batch stands is in its row and its job's, nowhere else: every step looks there, does the one thing that is next,
/// and can be done again. So a process may die at any moment, and the next goes on.
public final class BatchProcessor: Sendable {
    /// What a batch's lines may ask for.
    public static let endpoint = "/v1/chat/completions"
    /// The kind of the jobs that batches are.
    public static let jobKind = "batch"

    private let store: JobStore
    private let model: String
    let input: BatchInput
    private let mostLines: Int
    private let logger: Logger
    private let pool = BlockingPool(threads: 1)
    /// Reading and writing a file of many megabytes at a time; the others wait, their requests running meanwhile.
    private let turns = Slots(2)
    private let tended = Mutex<Set<BatchID>>([])
    private let wake: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation

    /// Images of a chunk of lines that are stored at a time.
    private static let imagesAtATime = 8
    /// After an error of the disk, say.
    private static let backoff = RetryPolicy(base: .seconds(2), cap: .seconds(60))

    public convenience init(
        store: JobStore, configuration: ServerConfiguration, model: LoadedModel, modelNames: [String] = [],
        logger: Logger
    ) {
        self.init(
            store: store, configuration: configuration,
            rules: ChatRules(configuration: configuration, model: model, modelNames: modelNames),
            model: model.card.identity, logger: logger)
    }

    /// - Parameter model: whom the queue's requests are for.
    init(store: JobStore, configuration: ServerConfiguration, rules: ChatRules, model: String, logger: Logger) {
        self.store = store
        self.model = model
        self.logger = logger
        mostLines = configuration.maxBatchLines
        // What stands around a request is short, except for its custom_id.
        input = BatchInput(
            store: store, pool: pool, rules: rules, longestLine: configuration.maxBodyBytes + (16 << 10))
        (wake, waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Says that there is a new batch.
    public func poke() { waker.yield() }

    /// Tends every unfinished batch until cancelled.
    public func run() async {
        poke()
        await withDiscardingTaskGroup { group in
            for await _ in wake {
                do {
                    for id in try await store.unfinishedBatches()
                    where tended.withLock({ $0.insert(id).inserted }) {
                        group.addTask {
                            await self.tend(id)
                            self.tended.withLock { _ = $0.remove(id) }
                        }
                    }
                } catch {
                    logger.error("batches are not found", metadata: ["error": "\(error)"])
                    group.addTask {
                        try? await Task.sleep(for: Self.backoff.cap)
                        self.poke()
                    }
                }
            }
            group.cancelAll()
        }
    }

    /// Does what is next for a batch until it is final, or the task is cancelled.
    public func tend(_ id: BatchID) async {
        var attempt = 0
        while !Task.isCancelled {
            do {
                guard let batch = try await store.batch(id), !batch.status.isFinal else { return }
                try await advance(batch)
                attempt = 0
            } catch is CancellationError {
                return
            } catch JobStoreError.closed {
                return
            } catch JobStoreError.jobIsCancelled, JobStoreError.jobIsSealed {
                // Cancelled while its lines were being stored: the next look sees it.
            } catch {
                attempt += 1
                logger.error("a batch does not get on", metadata: ["batch": "\(id)", "error": "\(error)"])
                try? await Task.sleep(for: Self.backoff.delay(afterAttempt: attempt, jitter: .random(in: 0.5..<1)))
            }
        }
    }

    private func advance(_ batch: Batch) async throws {
        guard let jobID = batch.job, let job = try await store.job(jobID) else {
            if batch.status == .validating, !batch.isOverdue {
                if isOver(batch) { _ = try await store.noteOverdue(batch.id) } else { _ = try await validate(batch.id) }
            } else {
                _ = try await store.endBatch(batch.id, with: BatchResult())
            }
            return
        }
        if job.isFinished {
            try await turns.withSlot { try await finish(batch, job) }
        } else if batch.status == .cancelling || batch.isOverdue {
            _ = try await store.cancel(jobID)
            await wait(for: jobID, until: nil)
        } else if isOver(batch) {
            _ = try await store.noteOverdue(batch.id)
        } else if !job.isSealed, job.model == model {
            try await turns.withSlot { try await enqueue(batch, job) }
        } else {
            await wait(for: jobID, until: batch.expiresAt)
        }
    }

    private func isOver(_ batch: Batch) -> Bool { batch.expiresAt.map { $0 <= store.now } ?? false }

    /// Returns when the job is finished, or at `end`.
    private func wait(for job: JobID, until end: Timestamp?) async {
        let (store, changes) = (store, store.changes(of: job))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await job in changes where job.isFinished { return } }
            if let end {
                group.addTask { try? await Task.sleep(for: max(end - store.now, .zero) + .milliseconds(1)) }
            }
            await group.next()
            group.cancelAll()
        }
    }

    // MARK: Validating

    /// Reads the whole file, unless the batch is beyond that; then it has failed, or has a job.
    public func validate(_ id: BatchID) async throws -> Batch? {
        guard let batch = try await store.batch(id), batch.status == .validating else {
            return try await store.batch(id)
        }
        let found: (faults: [BatchFault], total: Int)
        do {
            found = try await turns.withSlot { try await faults(of: batch) }
        } catch let error as JobStoreError {
            switch error {
            case .unknownBlob, .damagedBlob:
                logger.error("a batch's input is lost", metadata: ["batch": "\(id)", "error": "\(error)"])
                let fault = BatchFault(code: .invalidFile, message: "The file's bytes are lost or damaged.")
                return try await store.failBatch(id, errors: BatchFault.text([fault]))
            default: throw error
            }
        }
        guard found.faults.isEmpty else {
            return try await store.failBatch(id, errors: BatchFault.text(found.faults))
        }
        return try await store.beginBatch(id, job: job(of: id), model: input.rules.modelName, total: found.total)
    }

    /// Lets a batch that has ended run again: what failed, was cancelled or never came into the queue.
    /// - Parameter input: its input, put beside the database again.
    public func reopen(_ batch: Batch, reading input: BlobID) async throws -> Batch? {
        guard let reopened = try await store.reopenBatch(batch.id, reading: input), let job = reopened.job else {
            return try await store.batch(batch.id)
        }
        _ = try await store.openJob(self.job(of: batch.id))
        _ = try await store.retry(job)
        return reopened
    }

    private func job(of id: BatchID) -> NewJob {
        NewJob(kind: Self.jobKind, label: "batch \(id)", model: model, priority: .bulk, deduplicationKey: id.rawValue)
    }

    private func faults(of batch: Batch) async throws -> (faults: [BatchFault], total: Int) {
        guard try await !input.isCompressed(batch) else {
            return ([BatchFault(code: .invalidFile, message: "The file is compressed with gzip: upload its lines.")], 0)
        }
        var lines = try await input.lines(of: batch)
        var validation = BatchValidation(mostLines: mostLines)
        while case let checked = try await input.next(&lines, CheckedLine.init), !checked.isEmpty {
            for line in checked where !validation.isTooLong { validation.add(line) }
            // Whoever cancels a batch does not wait for the end of its file.
            guard !validation.isTooLong, try await store.batch(batch.id)?.status == .validating else { break }
        }
        return (validation.end(), validation.total)
    }

    // MARK: Running

    /// Puts the lines that the queue does not have yet into it.
    private func enqueue(_ batch: Batch, _ job: Job) async throws {
        // Rows are stored in the order of the lines, whole chunks at a time: their number says where to go on.
        var lines = try await input.lines(of: batch, after: job.counts.total)
        let rules = input.rules
        while case let prepared = try await input.next(&lines, { try PreparedLine($0, rules: rules) }),
            !prepared.isEmpty
        {
            try await store.append(try await stored(prepared), to: job.id)
            // Nobody else looks whether the window closes meanwhile.
            guard !isOver(batch) else { return }
        }
        try await store.seal(job.id)
    }

    private func stored(_ prepared: [PreparedLine]) async throws -> [BatchLine] {
        let store = store
        return try await withThrowingTaskGroup(of: (Int, BatchLine).self) { group in
            var lines: [(Int, BatchLine)] = []
            for (index, line) in prepared.enumerated() {
                if index >= Self.imagesAtATime, let next = try await group.next() { lines.append(next) }
                group.addTask { (index, try await line.stored(in: store)) }
            }
            for try await next in group { lines.append(next) }
            return lines.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    // MARK: Finishing

    private func finish(_ found: Batch, _ job: Job) async throws {
        var batch = found
        if batch.status == .inProgress, !batch.isOverdue {
            // A job can be cancelled by its own name too.
            let next =
                try await job.state == .cancelled ? store.cancelBatch(batch.id) : store.finalizeBatch(batch.id)
            guard let next, !next.status.isFinal else { return }
            batch = next
        }
        let isWhole = job.counts.total >= batch.total
        let rest = isWhole ? nil : (try await input.lines(of: batch, after: job.counts.total), input)
        let result = try await BatchOutput(store: store, pool: pool).write(batch, job.id, rest: rest)
        let end = try await store.endBatch(batch.id, with: result)
        logger.info(
            "batch ended",
            metadata: [
                "batch": "\(batch.id)", "status": "\(end?.status.rawValue ?? "gone")",
                "succeeded": "\(result.succeeded)", "failed": "\(result.failed)",
            ])
    }
}
