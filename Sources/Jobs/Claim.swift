/// A request in a worker's hands; (request, worker, epoch) is the fence that a completion must pass.
public struct Claim: Sendable, Hashable {
    public let requestID: RequestID
    public let jobID: JobID
    public let worker: WorkerID
    /// Counts the claims of this request and never decreases, so that a late worker cannot pass for its successor.
    public let epoch: Int64
    public let key: String
    public let payload: String
    public let jobKind: String
    public let jobSpecification: String
    public let priority: JobPriority
    /// 1 for the first attempt.
    public let attempt: Int
    /// Somebody waits for the answer on an open connection.
    public let isSynchronous: Bool

    public init(
        requestID: RequestID, jobID: JobID, worker: WorkerID, epoch: Int64, key: String, payload: String,
        jobKind: String, jobSpecification: String, priority: JobPriority, attempt: Int, isSynchronous: Bool
    ) {
        self.requestID = requestID
        self.jobID = jobID
        self.worker = worker
        self.epoch = epoch
        self.key = key
        self.payload = payload
        self.jobKind = jobKind
        self.jobSpecification = jobSpecification
        self.priority = priority
        self.attempt = attempt
        self.isSynchronous = isSynchronous
    }
}

public enum CompletionOutcome: Sendable, Hashable {
    case recorded
    /// Somebody else holds the request by now, or it was cancelled: throw the result away.
    case leaseLost
}

public enum FailureOutcome: Sendable, Hashable {
    case willRetry(at: Timestamp)
    case failed
    /// Somebody else holds the request by now, or it was cancelled.
    case leaseLost
}
