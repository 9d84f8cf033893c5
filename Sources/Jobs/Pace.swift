internal import GRDB

/// How fast the requests of a job come to their ends.
public struct JobPace: Sendable, Hashable {
    /// Requests that succeeded or failed, per second: over the last minute; over the whole run where none ended in the
    /// last minute, and once the job is finished. Nil while none has ended, and while the job is queued or paused.
    public var rate: Double?
    /// Seconds until every request has ended at that rate; nil unless the job runs and is sealed.
    public var remainingSeconds: Double?

    public init(rate: Double? = nil, remainingSeconds: Double? = nil) {
        self.rate = rate
        self.remainingSeconds = remainingSeconds
    }
}

extension JobStore {
    private static let paceWindow = Duration.seconds(60)
    /// Rows that are looked at for each state, however fast the job is: where that many ended within the minute, the time
    /// that they took is the window.
    private static let mostPaceRows = 128

    /// The pace of a job as it is now. Nothing is kept for it: the latest requests tell, also after a restart.
    public func pace(of job: Job) async throws -> JobPace {
        guard let startedAt = job.startedAt else { return JobPace() }
        let ended = job.counts.succeeded + job.counts.failed
        if let finishedAt = job.finishedAt {
            return JobPace(rate: Self.rate(of: ended, from: startedAt, to: finishedAt))
        }
        guard job.state == .running else { return JobPace() }
        let now = clock.now()
        let recent = try await read { db in
            try [RequestState.succeeded, .failed].map { try Self.latestEnds(db, of: job.id, in: $0) }
        }
        var start = max(startedAt, now - Self.paceWindow)
        for ends in recent where ends.count == Self.mostPaceRows { start = max(start, ends.min() ?? start) }
        let count = recent.joined().count { $0 >= start }
        let rate =
            count > 0 ? Self.rate(of: count, from: start, to: now) : Self.rate(of: ended, from: startedAt, to: now)
        let open = Double(job.counts.waiting + job.counts.running)
        return JobPace(rate: rate, remainingSeconds: job.isSealed ? rate.map { open / $0 } : nil)
    }

    /// When the requests that were stored last ended; claims follow the order of storing, so these ended last, but for
    /// what was retried.
    private static func latestEnds(_ db: Database, of job: JobID, in state: RequestState) throws -> [Timestamp] {
        let statement = try db.cachedStatement(
            sql: "SELECT finished_at FROM request WHERE job_id = ? AND state = ? ORDER BY id DESC LIMIT ?")
        return try Int64.fetchAll(statement, arguments: [job.rawValue, state.rawValue, mostPaceRows])
            .map(Timestamp.init(milliseconds:))
    }

    private static func rate(of count: Int, from start: Timestamp, to end: Timestamp) -> Double? {
        count > 0 ? Double(count) * 1000 / Double(max(end.milliseconds - start.milliseconds, 1)) : nil
    }
}
