internal import GRDB

/// A request that failed before anybody tried it: an image that cannot be reached, say. It is kept, so that it is counted
/// and listed with the others.
public struct RefusedRequest: Sendable {
    /// Unique in its job.
    public var key: String
    /// JSON, opaque here: what is run if somebody retries the job.
    public var payload: String
    public var failure: RequestFailure

    public init(key: String, payload: String, failure: RequestFailure) {
        self.key = key
        self.payload = payload
        self.failure = failure
    }
}

extension JobStore {
    /// Adds failed requests to an unsealed job; keys that it already has are left alone.
    public func append(refused requests: [RefusedRequest], to job: JobID) async throws {
        try await queue.perform(addsWork: true) { transaction in
            let known = try transaction.job(job)
            guard known.state != .cancelled else { throw JobStoreError.jobIsCancelled(job) }
            guard !known.isSealed else { throw JobStoreError.jobIsSealed(job) }
            var added = 0
            for request in requests {
                let failure = request.failure
                added += try transaction.change(
                    """
                    INSERT INTO request
                        (job_id, key, model, priority, state, run_at, max_attempts, created_at, finished_at, payload,
                        failure_code, failure_message, failure_retryable)
                    VALUES (?, ?, ?, ?, 'failed', ?, 1, ?, ?, ?, ?, ?, ?) ON CONFLICT (job_id, key) DO NOTHING
                    """,
                    [
                        job.rawValue, request.key, known.model, known.priority.rawValue,
                        transaction.now.milliseconds, transaction.now.milliseconds, transaction.now.milliseconds,
                        request.payload, failure.code, failure.message, failure.isRetryable,
                    ])
            }
            if added > 0 { try transaction.settle(job, moving: [.failed: added]) }
        }
    }
}
