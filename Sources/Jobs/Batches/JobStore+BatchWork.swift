internal import GRDB

/// A line of a batch as it enters the queue.
public enum BatchLine: Sendable {
    case request(NewRequest)
    /// It will never run: it is stored as failed.
    case refused(key: String, payload: String, RequestFailure)
}

/// What brings a batch from one status to the next; each step is one transaction, and leaves a batch alone that is elsewhere
/// by now.
extension JobStore {
    /// validating → failed.
    /// - Parameter errors: JSON.
    public func failBatch(_ id: BatchID, errors: String) async throws -> Batch? {
        try await changeBatch(
            id, "status = 'failed', input_blob = NULL, errors = ?, failed_at = ?", "status = 'validating'"
        ) { [errors, $0.now.milliseconds] }
    }

    /// validating → in_progress, with an open job for its lines.
    public func beginBatch(_ id: BatchID, job: NewJob, model: String, total: Int) async throws -> Batch? {
        let jobID = newJobID()
        return try await queue.perform { transaction in
            guard let batch = try Batch.fetch(transaction.db, id), batch.status == .validating, !batch.isOverdue else {
                return try Batch.fetch(transaction.db, id)
            }
            let (opened, _) = try transaction.findOrInsert(job, as: jobID)
            try transaction.change(
                "UPDATE batch SET status = 'in_progress', in_progress_at = ?, job_id = ?, model = ?, total = ? WHERE id = ?",
                [transaction.now.milliseconds, opened.id.rawValue, model, total, id.rawValue])
            return try Batch.fetch(transaction.db, id)
        }
    }

    /// Adds lines to an open job in their order; keys that it already has are left alone.
    public func append(_ lines: [BatchLine], to job: JobID) async throws {
        try await queue.perform(addsWork: true) { transaction in
            let known = try transaction.job(job)
            guard known.state != .cancelled else { throw JobStoreError.jobIsCancelled(job) }
            guard !known.isSealed else { throw JobStoreError.jobIsSealed(job) }
            var (waiting, failed) = (0, 0)
            for line in lines {
                switch line {
                case .request(let request): waiting += try transaction.insert([request], into: known).added
                case .refused(let key, let payload, let failure):
                    failed += try transaction.insertFailed(key, payload, failure, into: known)
                }
            }
            try transaction.settle(job, moving: [.waiting: waiting, .failed: failed])
        }
    }

    /// Notes that the window of a batch has closed; its job has to be cancelled next.
    public func noteOverdue(_ id: BatchID) async throws -> Batch? {
        try await changeBatch(id, "overdue_at = ?", "status IN ('validating', 'in_progress') AND overdue_at IS NULL") {
            [$0.now.milliseconds]
        }
    }

    /// in_progress → finalizing.
    public func finalizeBatch(_ id: BatchID) async throws -> Batch? {
        try await changeBatch(
            id, "status = 'finalizing', finalizing_at = ?", "status = 'in_progress' AND overdue_at IS NULL"
        ) { [$0.now.milliseconds] }
    }

    /// The end: cancelling → cancelled, overdue → expired, finalizing → completed; the output files come into being with it,
    /// or not at all.
    public func endBatch(_ id: BatchID, with result: BatchResult) async throws -> Batch? {
        let (outputID, errorID) = (newFileID(), newFileID())
        return try await queue.perform { transaction in
            guard let batch = try Batch.fetch(transaction.db, id), let end = batch.end else {
                return try Batch.fetch(transaction.db, id)
            }
            let output = try result.output.map { try transaction.insert($0, as: outputID).id.rawValue }
            let errors = try result.errors.map { try transaction.insert($0, as: errorID).id.rawValue }
            try transaction.change(
                """
                UPDATE batch SET status = ?, \(end.rawValue)_at = ?, input_blob = NULL, succeeded = ?, failed = ?,
                    input_tokens = ?, cached_tokens = ?, output_tokens = ?, output_file_id = ?, error_file_id = ?
                WHERE id = ?
                """,
                [
                    end.rawValue, transaction.now.milliseconds, result.succeeded, result.failed,
                    result.usage.inputTokens, result.usage.cachedTokens, result.usage.outputTokens, output, errors,
                    id.rawValue,
                ])
            return try Batch.fetch(transaction.db, id)
        }
    }
}

extension Batch {
    /// The final status that it is on its way to; nil while it is on none.
    fileprivate var end: Status? {
        switch status {
        case .cancelling: .cancelled
        case .validating, .inProgress: isOverdue ? .expired : nil
        case .finalizing: .completed
        case .completed, .failed, .expired, .cancelled: nil
        }
    }
}

extension Transaction {
    /// - Returns: how many were new: one, or none.
    fileprivate func insertFailed(
        _ key: String, _ payload: String, _ failure: RequestFailure, into job: Job
    ) throws -> Int {
        try change(
            """
            INSERT INTO request
                (job_id, key, model, priority, state, run_at, max_attempts, created_at, finished_at, payload,
                failure_code, failure_message, failure_retryable)
            VALUES (?, ?, ?, ?, 'failed', ?, 1, ?, ?, ?, ?, ?, ?) ON CONFLICT (job_id, key) DO NOTHING
            """,
            [
                job.id.rawValue, key, job.model, job.priority.rawValue, now.milliseconds, now.milliseconds,
                now.milliseconds, payload, failure.code, failure.message, failure.isRetryable,
            ])
    }
}
