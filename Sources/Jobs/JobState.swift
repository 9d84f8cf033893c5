/// Where a job stands.
public enum JobState: String, Sendable, Codable, CaseIterable {
    /// No request of it has been claimed yet.
    case queued
    case running
    /// Its waiting requests are held back; running ones go on.
    case paused
    /// Every request is final and at least one did not fail (or there was none).
    case completed
    /// Every request failed or expired.
    case failed
    /// Somebody cancelled it, or each of its requests; its `finishedAt` is set once no request is running any more.
    case cancelled

    public var isFinal: Bool {
        switch self {
        case .completed, .failed, .cancelled: true
        case .queued, .running, .paused: false
        }
    }

    /// The state that follows from the counters, given the state that people asked for.
    func following(_ counts: JobCounts, isSealed: Bool, hasStarted: Bool) -> JobState {
        if self == .cancelled { return .cancelled }
        if isSealed && counts.waiting == 0 && counts.running == 0 {
            guard counts.total > 0 else { return .completed }
            if counts.cancelled == counts.total { return .cancelled }
            return counts.failed + counts.expired == counts.total ? .failed : .completed
        }
        if self == .paused { return .paused }
        return hasStarted ? .running : .queued
    }
}

/// How many requests of a job are in each state.
public struct JobCounts: Sendable, Hashable, Codable {
    public var waiting = 0
    public var running = 0
    public var succeeded = 0
    public var failed = 0
    public var cancelled = 0
    public var expired = 0
    public var total: Int { waiting + running + succeeded + failed + cancelled + expired }

    public init() {}

    public subscript(state: RequestState) -> Int {
        get { self[keyPath: Self.counter(of: state)] }
        set { self[keyPath: Self.counter(of: state)] = newValue }
    }

    private static func counter(of state: RequestState) -> WritableKeyPath<JobCounts, Int> {
        switch state {
        case .waiting: \.waiting
        case .running: \.running
        case .succeeded: \.succeeded
        case .failed: \.failed
        case .cancelled: \.cancelled
        case .expired: \.expired
        }
    }
}
