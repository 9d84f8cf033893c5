internal import GRDB

extension Batch {
    /// - Parameters:
    ///   - row: `SELECT * FROM batch`.
    ///   - db: where the job's counters are read while the batch has no final ones.
    init(row: Row, _ db: Database) throws {
        let text: String = row["status"]
        guard let status = Status(rawValue: text) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a batch has status \(text)")
        }
        func moment(_ column: String) -> Timestamp? {
            (row[column] as Int64?).map(Timestamp.init(milliseconds:))
        }
        let job = (row["job_id"] as String?).map(JobID.init(rawValue:))
        let counts = status.isFinal ? nil : try job.flatMap { try Job.fetch(db, $0) }?.counts
        self.init(
            id: BatchID(rawValue: row["id"]), endpoint: row["endpoint"], completionWindow: row["completion_window"],
            inputFile: FileID(rawValue: row["input_file_id"]),
            input: (row["input_blob"] as String?).map(BlobID.init(rawValue:)), metadata: row["metadata"],
            outputLifetime: (row["output_lifetime"] as Int64?).map { .milliseconds($0) }, status: status,
            model: row["model"], job: job, isOverdue: moment("overdue_at") != nil, errors: row["errors"],
            total: row["total"], succeeded: counts?.succeeded ?? row["succeeded"],
            failed: counts.map { $0.failed + $0.expired } ?? row["failed"],
            usage: BatchUsage(
                inputTokens: row["input_tokens"], cachedTokens: row["cached_tokens"],
                outputTokens: row["output_tokens"]),
            outputFile: (row["output_file_id"] as String?).map(FileID.init(rawValue:)),
            errorFile: (row["error_file_id"] as String?).map(FileID.init(rawValue:)),
            createdAt: Timestamp(milliseconds: row["created_at"]), expiresAt: moment("expires_at"),
            moments: Moments(
                inProgress: moment("in_progress_at"), finalizing: moment("finalizing_at"),
                completed: moment("completed_at"), failed: moment("failed_at"), expired: moment("expired_at"),
                cancelling: moment("cancelling_at"), cancelled: moment("cancelled_at")))
    }

    static func fetch(_ db: Database, _ id: BatchID) throws -> Batch? {
        let statement = try db.cachedStatement(sql: "SELECT * FROM batch WHERE id = ?")
        return try Row.fetchOne(statement, arguments: [id.rawValue]).map { try Batch(row: $0, db) }
    }
}
