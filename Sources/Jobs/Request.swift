/// One question of a job, as its row stands.
public struct StoredRequest: Sendable, Hashable {
    public let id: RequestID
    public let jobID: JobID
    public let key: String
    public let state: RequestState
    public let payload: String
    /// Present exactly when it succeeded.
    public let result: String?
    /// Why it failed or expired; while it waits or runs again, why its last attempt did.
    public let failure: RequestFailure?
    /// Attempts that ended with the request's own error or result, and the running one.
    public let attempts: Int
    public let maxAttempts: Int
    /// Times a worker died or went silent while holding it.
    public let crashes: Int
    public let createdAt: Timestamp
    public let startedAt: Timestamp?
    public let finishedAt: Timestamp?
    /// When it may be claimed at the earliest.
    public let runAt: Timestamp
}

public enum RequestState: String, Sendable, Codable, CaseIterable {
    case waiting, running, succeeded, failed, cancelled, expired

    public var isFinal: Bool {
        switch self {
        case .waiting, .running: false
        case .succeeded, .failed, .cancelled, .expired: true
        }
    }
}

/// How a request is submitted.
public struct NewRequest: Sendable {
    /// Unique in its job: a path, a custom_id.
    public var key: String
    /// JSON, opaque here.
    public var payload: String
    /// Blobs that the payload refers to; kept while the row lives.
    public var blobs: [BlobID]
    /// How often its own errors may be tried again; crashes of workers are counted apart.
    public var maxAttempts: Int

    public init(key: String, payload: String, blobs: [BlobID] = [], maxAttempts: Int = 3) {
        self.key = key
        self.payload = payload
        self.blobs = blobs
        self.maxAttempts = maxAttempts
    }
}

/// Why an attempt at a request failed.
public struct RequestFailure: Error, Sendable, Hashable, Codable {
    public var code: String
    public var message: String
    public var isRetryable: Bool

    public init(code: String, message: String, isRetryable: Bool) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable
    }

    static let ownerDied = RequestFailure(
        code: "expired", message: "The server stopped while a client was waiting for this answer; send it again.",
        isRetryable: true)

    static func workerCrashed(times crashes: Int) -> RequestFailure {
        RequestFailure(
            code: "worker_crashed",
            message: "The worker died or went silent \(crashes) times while it held this request; "
                + "it is set aside and can be retried by hand.",
            isRetryable: false)
    }
}
