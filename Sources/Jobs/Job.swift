/// A set of requests that were asked for together and are watched, paused and cancelled together.
public struct Job: Sendable, Hashable {
    public let id: JobID
    public let kind: String
    public let label: String
    /// What has to answer its requests.
    public let model: String
    public let priority: JobPriority
    public let specification: String
    public let deduplicationKey: String?
    public let isSynchronous: Bool
    public let state: JobState
    /// No more requests will come.
    public let isSealed: Bool
    public let counts: JobCounts
    public let createdAt: Timestamp
    public let startedAt: Timestamp?
    /// Set when the state is final and no request is running: a cancelled job may still wait for workers to let go.
    public let finishedAt: Timestamp?

    /// Nothing about this job will change unless somebody retries it or reopens it.
    public var isFinished: Bool { finishedAt != nil }
}

/// Which requests go first: interactive before bulk.
public enum JobPriority: Int, Sendable, Codable, CaseIterable {
    case interactive = 0
    case bulk = 10
}

/// How a job is submitted.
public struct NewJob: Sendable {
    /// "chat", "caption", "batch": opaque here.
    public var kind: String
    /// For people: "captions of ~/photos".
    public var label: String
    /// What has to answer its requests, opaque here: only workers for this model claim them.
    public var model: String
    public var priority: JobPriority
    /// JSON, opaque here; every claim of one of its requests carries it.
    public var specification: String
    /// A job that is still known under this key is continued instead of created.
    public var deduplicationKey: String?
    /// Its client waits on an open connection: after a crash the request is `expired`, never silently run again.
    public var isSynchronous: Bool

    public init(
        kind: String, label: String, model: String, priority: JobPriority = .bulk, specification: String = "{}",
        deduplicationKey: String? = nil, isSynchronous: Bool = false
    ) {
        self.kind = kind
        self.label = label
        self.model = model
        self.priority = priority
        self.specification = specification
        self.deduplicationKey = deduplicationKey
        self.isSynchronous = isSynchronous
    }
}
