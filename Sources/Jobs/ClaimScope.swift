internal import GRDB

/// Which waiting requests a worker takes.
public enum ClaimScope: Sendable, Hashable {
    /// All that this model has to answer, whoever asked.
    case model(String)
    /// Those of one job: for a command that works for nobody else.
    case job(JobID)
}

extension ClaimScope {
    /// The condition of a request that is ready for a worker of this scope; takes `value`.
    var isReady: String {
        switch self {
        case .model: "model = ? AND state = 'waiting' AND is_held = 0"
        case .job: "job_id = ? AND state = 'waiting' AND is_held = 0"
        }
    }

    var value: String {
        switch self {
        case .model(let model): model
        case .job(let job): job.rawValue
        }
    }

    /// The earliest moment at which a waiting request may be claimed, in milliseconds.
    func nextDue(_ db: Database) throws -> Int64? {
        let statement = try db.cachedStatement(
            sql: "SELECT min(run_at) FROM request WHERE \(isReady) AND priority = ?")
        return try JobPriority.allCases.compactMap { priority in
            try Int64.fetchOne(statement, arguments: [value, priority.rawValue])
        }.min()
    }
}
