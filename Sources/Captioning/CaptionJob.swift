import FoundationEssentials
public import Jobs
public import Models

/// Captions the images of a run through the durable queue of this process.
///
/// The job is known by what it does (roots, question, weights): the same command finds it again, finished images are not
/// done again, changed ones are, removed ones are taken out. Outputs follow the committed rows.
public struct CaptionJob: Sendable {
    private let store: JobStore
    private let run: CaptionRun
    private let model: ModelCard

    /// Requests stored in one commit: enough that syncing is not the cost, few enough that work starts at once.
    private static let chunk = 256

    public init(store: JobStore, run: CaptionRun, model: ModelCard) {
        self.store = store
        self.run = run
        self.model = model
    }

    /// Works until every image has an outcome, or `work` on the job returns: the dispatcher's run, which ends when it is
    /// drained.
    public func perform(whileRunning work: @escaping @Sendable (JobID) async throws -> Void) async throws {
        let job = try await store.openJob(try description).job
        if job.state == .paused { _ = try await store.resume(job.id) }
        let known = try await takeStock(of: job.id)
        let wanted = try await run.plan(knowing: known.committed)
        let ledger = CaptionLedger(store: store, job: job.id, run: run, wanted: wanted, known: known)
        try await ledger.cancelUnwanted()
        if known.wasCancelled(wanted.map { run.images[$0].key }) { _ = try await store.retry(job.id) }
        let isStopped = try await withThrowingTaskGroup(of: Event.self) { group in
            group.addTask { try await append(wanted, to: job.id) }
            group.addTask { try await ledger.follow() }
            group.addTask {
                try await work(job.id)
                return .stopped
            }
            defer { group.cancelAll() }
            while let event = try await group.next() {
                if event != .appended { return event == .stopped }
            }
            return true
        }
        if isStopped { try await ledger.collect() }
    }

    enum Event: Sendable { case appended, finished, stopped }

    private var description: NewJob {
        get throws {
            let key = try run.settings.deduplicationKey(model: model.identity)
            let specification = Specification(
                recipe: run.settings.recipe.name, prompt: run.settings.recipe.prompt.source,
                parameters: CaptionParameters(run.settings.recipe), postprocess: run.settings.recipe.postprocessing,
                model: model.name, weightsSHA256: model.weightsHash,
                roots: run.settings.roots)
            return NewJob(
                kind: "caption", label: "captions of " + run.settings.roots.joined(separator: " "),
                model: model.identity,
                specification: String(decoding: try JSONEncoder.stable.encode(specification), as: UTF8.self),
                deduplicationKey: key)
        }
    }

    /// For people who look at the job.
    private struct Specification: Encodable {
        let recipe: String
        let prompt: String
        let parameters: CaptionParameters
        let postprocess: [TextStep]
        let model: String
        let weightsSHA256: String
        let roots: [String]
    }

    private func takeStock(of job: JobID) async throws -> KnownRequests {
        var known = KnownRequests(images: run.images, recipe: run.settings.recipe)
        var last: RequestID?
        while case let page = try await store.requests(of: job, state: nil, after: last, limit: Self.chunk),
            !page.isEmpty
        {
            for request in page { try known.record(request) }
            last = page.last?.id
        }
        return known
    }

    private func append(_ wanted: [Int], to job: JobID) async throws -> Event {
        var rest = wanted[...]
        while !rest.isEmpty {
            let requests = try rest.prefix(Self.chunk).map { index in
                let image = run.images[index]
                let payload = try JSONEncoder.stable.encode(run.settings.work(for: image))
                return NewRequest(key: image.key, payload: String(decoding: payload, as: UTF8.self))
            }
            _ = try await store.append(requests, to: job)
            rest = rest.dropFirst(Self.chunk)
        }
        try await store.seal(job)
        return .appended
    }
}
