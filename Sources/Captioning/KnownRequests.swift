import Jobs

/// The requests of a job as they were when a run began.
struct KnownRequests: Sendable {
    private(set) var committed = CommittedCaptions()
    /// Final states and open requests, by key.
    private(set) var states: [String: RequestState] = [:]
    /// Requests that wait or run (again), to be cancelled if no image wants them.
    private(set) var open: [(id: RequestID, key: String)] = []
    private let keys: Set<String>
    private let paths: Set<String>
    private let recipe: Recipe

    init(images: [FoundImage], recipe: Recipe) {
        keys = Set(images.map(\.key))
        paths = Set(images.map(\.path))
        self.recipe = recipe
    }

    mutating func record(_ request: StoredRequest) throws(CaptionError) {
        let isCurrent = keys.contains(request.key)
        if isCurrent { states[request.key] = request.state }
        if !request.state.isFinal { open.append((request.id, request.key)) }
        guard request.state == .succeeded, isCurrent || paths.contains(String(FoundImage.path(ofKey: request.key)))
        else { return }
        committed.record(try CaptionAnswer(request), key: request.key, isCurrent: isCurrent, recipe: recipe)
    }

    func wasCancelled(_ wanted: [String]) -> Bool { wanted.contains { states[$0] == .cancelled } }

    /// Whether the request failed in an earlier run, and so may be tried once more in this one.
    func hasFailed(_ key: String) -> Bool { states[key] == .failed || states[key] == .expired }
}
