internal import GRDB
internal import Glibc
internal import Synchronization

/// Looking at jobs, on the read-only connections: it never waits for the writer.
extension JobStore {
    public func job(_ id: JobID) async throws -> Job? {
        try await read { try Job.fetch($0, id) }
    }

    /// Jobs, newest first.
    /// - Parameter after: the last job of the previous page.
    public func jobs(limit: Int, after: JobID? = nil) async throws -> [Job] {
        try await read { try Job.page($0, limit: limit, after: after) }
    }

    /// Requests of a job in the order they were stored, of one state or of all.
    /// - Parameter after: the last request of the previous page.
    public func requests(
        of job: JobID, state: RequestState? = nil, after: RequestID? = nil, limit: Int
    ) async throws -> [StoredRequest] {
        let states = state.map { [$0] } ?? RequestState.allCases
        return try await read { try StoredRequest.page($0, of: job, states: states, limit: limit, after: after) }
    }

    public func request(_ id: RequestID) async throws -> StoredRequest? {
        try await read { try StoredRequest.fetch($0, id) }
    }

    public func statistics() async throws -> QueueStatistics {
        let now = clock.now()
        var statistics = QueueStatistics(
            waitingInteractive: 0, waitingBulk: 0, running: 0, oldestWaitingMilliseconds: nil,
            walBytes: walBytes, commits: queue.commits.load(ordering: .relaxed),
            operations: queue.executed.load(ordering: .relaxed), commitTime: queue.commitTime)
        let (totals, oldest) = try await read { db in
            let totals = try Row.fetchAll(
                db,
                sql: """
                    SELECT priority, sum(waiting) AS waiting, sum(running) AS running
                    FROM job WHERE finished_at IS NULL GROUP BY priority
                    """
            ).map { row -> (priority: Int, waiting: Int, running: Int) in
                (row["priority"], row["waiting"], row["running"])
            }
            let models = try String.fetchAll(db, sql: "SELECT DISTINCT model FROM job WHERE finished_at IS NULL")
            let oldest = try models.compactMap { try ClaimScope.model($0).nextDue(db) }.min()
            return (totals, oldest)
        }
        for total in totals {
            statistics.running += total.running
            switch JobPriority(rawValue: total.priority) {
            case .interactive: statistics.waitingInteractive = total.waiting
            case .bulk, nil: statistics.waitingBulk = total.waiting
            }
        }
        if let oldest, oldest <= now.milliseconds {
            statistics.oldestWaitingMilliseconds = now.milliseconds - oldest
        }
        return statistics
    }

    private var walBytes: Int64 {
        var status = stat()
        return stat(path + "-wal", &status) == 0 ? Int64(status.st_size) : 0
    }
}
