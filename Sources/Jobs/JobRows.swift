internal import GRDB

extension Job {
    /// - Parameter row: `SELECT * FROM job`.
    init(row: Row) throws {
        let priority: Int = row["priority"]
        let state: String = row["state"]
        guard let priority = JobPriority(rawValue: priority), let state = JobState(rawValue: state) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a job has priority \(priority), state \(state)")
        }
        var counts = JobCounts()
        for state in RequestState.allCases { counts[state] = row[state.rawValue] }
        self.init(
            id: JobID(rawValue: row["id"]), kind: row["kind"], label: row["label"], model: row["model"],
            priority: priority, specification: row["specification"], deduplicationKey: row["deduplication_key"],
            isSynchronous: row["is_synchronous"], state: state, isSealed: row["is_sealed"], counts: counts,
            createdAt: Timestamp(milliseconds: row["created_at"]), startedAt: Timestamp(row["started_at"]),
            finishedAt: Timestamp(row["finished_at"]))
    }

    static func fetch(_ db: Database, _ id: JobID) throws -> Job? {
        let statement = try db.cachedStatement(sql: "SELECT * FROM job WHERE id = ?")
        return try Row.fetchOne(statement, arguments: [id.rawValue]).map(Job.init(row:))
    }

    /// Newest first.
    static func page(_ db: Database, limit: Int, after: JobID?) throws -> [Job] {
        // "job_~" is above every id.
        try Row.fetchAll(
            db, sql: "SELECT * FROM job WHERE id < ? ORDER BY id DESC LIMIT ?",
            arguments: [after?.rawValue ?? "job_~", max(0, limit)]
        ).map(Job.init(row:))
    }
}

extension StoredRequest {
    /// - Parameter row: `SELECT * FROM request`.
    init(row: Row) throws {
        let state: String = row["state"]
        guard let state = RequestState(rawValue: state) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a request has state \(state)")
        }
        let code: String? = row["failure_code"]
        self.init(
            id: RequestID(rawValue: row["id"]), jobID: JobID(rawValue: row["job_id"]), key: row["key"], state: state,
            payload: row["payload"], result: row["result"],
            failure: code.map {
                RequestFailure(code: $0, message: row["failure_message"], isRetryable: row["failure_retryable"])
            },
            attempts: row["attempts"], maxAttempts: row["max_attempts"], crashes: row["crashes"],
            createdAt: Timestamp(milliseconds: row["created_at"]), startedAt: Timestamp(row["started_at"]),
            finishedAt: Timestamp(row["finished_at"]), runAt: Timestamp(milliseconds: row["run_at"]))
    }

    static func fetch(_ db: Database, _ id: RequestID) throws -> StoredRequest? {
        let statement = try db.cachedStatement(sql: "SELECT * FROM request WHERE id = ?")
        return try Row.fetchOne(statement, arguments: [id.rawValue]).map(StoredRequest.init(row:))
    }

    /// In the order they were stored.
    static func page(
        _ db: Database, of job: JobID, states: [RequestState], limit: Int, after: RequestID?
    ) throws -> [StoredRequest] {
        // The index has the ids of each state in order; the first of all are among the first of each.
        var ids: [Int64] = []
        for state in states {
            ids += try Int64.fetchAll(
                db, sql: "SELECT id FROM request WHERE job_id = ? AND state = ? AND id > ? ORDER BY id LIMIT ?",
                arguments: [job.rawValue, state.rawValue, after?.rawValue ?? 0, max(0, limit)])
        }
        return try ids.sorted().prefix(max(0, limit)).compactMap { try fetch(db, RequestID(rawValue: $0)) }
    }
}

extension Timestamp {
    fileprivate init?(_ milliseconds: Int64?) {
        guard let milliseconds else { return nil }
        self.init(milliseconds: milliseconds)
    }
}
