internal import GRDB

/// Pages of jobs and requests as an interface wants them: some states only, in either order.
extension JobStore {
    /// Jobs, newest first, of one state and of some kinds where these are given.
    /// - Parameter after: the last job of the previous page.
    public func jobs(limit: Int, after: JobID?, state: JobState?, kinds: [String]?) async throws -> [Job] {
        try await read { db in
            var conditions = ["id < ?"]
            var arguments: [(any DatabaseValueConvertible)?] = [after?.rawValue ?? "job_~"]
            if let state {
                // The unfinished have an index of their own: a search for them does not walk over years of finished ones.
                if !state.isFinal { conditions.append("finished_at IS NULL") }
                conditions.append("state = ?")
                arguments.append(state.rawValue)
            }
            if let kinds {
                conditions.append("kind IN (\(kinds.map { _ in "?" }.joined(separator: ", ")))")
                arguments += kinds
            }
            return try Row.fetchAll(
                db,
                sql: "SELECT * FROM job WHERE \(conditions.joined(separator: " AND ")) ORDER BY id DESC LIMIT ?",
                arguments: StatementArguments(arguments + [max(0, limit)])
            ).map(Job.init(row:))
        }
    }

    /// Requests of a job in some states, in the order they were stored or in the opposite one.
    /// - Parameter after: the last request of the previous page.
    public func requests(
        of job: JobID, states: Set<RequestState>, after: RequestID? = nil, limit: Int, newestFirst: Bool = false
    ) async throws -> [StoredRequest] {
        try await read {
            try StoredRequest.page($0, of: job, states, limit: limit, after: after, newestFirst: newestFirst)
        }
    }
}

extension JobReader {
    /// Requests of a job in some states, in the order they were stored.
    public func requests(
        of job: JobID, states: Set<RequestState>, after: RequestID?, limit: Int
    ) async throws -> [StoredRequest] {
        try await read { try StoredRequest.page($0, of: job, states, limit: limit, after: after, newestFirst: false) }
    }
}

extension StoredRequest {
    /// The index has the ids of each state in order; the first of all are among the first of each.
    fileprivate static func page(
        _ db: Database, of job: JobID, _ states: Set<RequestState>, limit: Int, after: RequestID?, newestFirst: Bool
    ) throws -> [StoredRequest] {
        let (comparison, order) = newestFirst ? ("<", "DESC") : (">", "ASC")
        let statement = try db.cachedStatement(
            sql: """
                SELECT id FROM request WHERE job_id = ? AND state = ? AND id \(comparison) ?
                ORDER BY id \(order) LIMIT ?
                """)
        let start = after?.rawValue ?? (newestFirst ? .max : 0)
        let ids = try states.flatMap {
            try Int64.fetchAll(statement, arguments: [job.rawValue, $0.rawValue, start, max(0, limit)])
        }
        let sorted = newestFirst ? ids.sorted(by: >) : ids.sorted()
        return try sorted.prefix(max(0, limit)).compactMap { try fetch(db, RequestID(rawValue: $0)) }
    }
}
