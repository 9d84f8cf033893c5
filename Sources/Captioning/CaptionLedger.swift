import Jobs

/// Follows the requests of a job and hands every final one to the run.
///
/// Requests are claimed in the order of their ids, so the final ones are a growing front with few gaps: the ledger remembers
/// how far the front has come and which gaps it left, and reads nothing twice.
actor CaptionLedger {
    private let store: JobStore
    private let job: JobID
    private let run: CaptionRun
    private let known: KnownRequests
    private let indices: [String: Int]
    /// Failed in an earlier run; their outcome is what comes of another try, after everything else is done.
    private var suspects: Set<String>
    private var front: RequestID?
    private var gaps: [RequestID] = []

    private static let page = 256

    init(store: JobStore, job: JobID, run: CaptionRun, wanted: [Int], known: KnownRequests) {
        self.store = store
        self.job = job
        self.run = run
        self.known = known
        indices = Dictionary(wanted.map { (run.images[$0].key, $0) }) { first, _ in first }
        suspects = Set(indices.keys.filter(known.hasFailed))
    }

    /// Takes out what waits for images that are gone, have changed, or have their captions by now.
    func cancelUnwanted() async throws {
        for (id, key) in known.open where indices[key] == nil { try await store.cancel(id) }
    }

    /// Returns when every request is final. What failed in an earlier run is tried again at the very end: an image that
    /// kills the process can then keep nobody else from a caption.
    func follow() async throws -> CaptionJob.Event {
        try await followOnce()
        if !suspects.isEmpty {
            suspects = []
            (front, gaps) = (nil, [])
            _ = try await store.retry(job)
            try await cancelRetriedUnwanted()
            try await followOnce()
        }
        return .finished
    }

    private func followOnce() async throws {
        for await _ in store.changes(of: job) { try await collect() }
        try Task.checkCancellation()
        try await collect()
    }

    /// Hands over what has become final since the last time.
    func collect() async throws {
        var open: [RequestID] = []
        for id in gaps {
            guard let request = try await store.request(id), try await accept(request) else {
                open.append(id)
                continue
            }
        }
        gaps = open
        while true {
            let requests = try await store.requests(of: job, state: nil, after: front, limit: Self.page)
            guard let last = requests.lastIndex(where: { $0.state.isFinal }) else { break }
            for request in requests[...last] where try await !accept(request) { gaps.append(request.id) }
            front = requests[last].id
            if last + 1 < Self.page { break }
        }
        try await run.flush()
    }

    /// False while the request is not final.
    private func accept(_ request: StoredRequest) async throws -> Bool {
        guard let index = indices[request.key] else { return request.state.isFinal }
        guard let outcome = try CaptionOutcome(request) else { return false }
        if case .failed = outcome, suspects.contains(request.key) { return true }
        try await run.accept(outcome, at: index, isRestored: known.states[request.key] == .succeeded)
        return true
    }

    /// A retry wakes everything that was cancelled, too.
    private func cancelRetriedUnwanted() async throws {
        var last: RequestID?
        while case let page = try await store.requests(of: job, state: .waiting, after: last, limit: Self.page),
            !page.isEmpty
        {
            for request in page where indices[request.key] == nil { try await store.cancel(request.id) }
            last = page.last?.id
        }
    }
}
