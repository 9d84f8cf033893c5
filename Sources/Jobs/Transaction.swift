internal import GRDB

/// What an operation sees: the writing connection inside its transaction, and one reading of the clock.
struct Transaction {
    let db: Database
    let now: Timestamp
    var effects = Effects()

    func job(_ id: JobID) throws -> Job {
        guard let job = try Job.fetch(db, id) else { throw JobStoreError.unknownJob(id) }
        return job
    }

    /// Runs a statement that is kept prepared, and says how many rows it changed.
    @discardableResult
    func change(_ sql: String, _ arguments: StatementArguments) throws -> Int {
        try db.cachedStatement(sql: sql).execute(arguments: arguments)
        return db.changesCount
    }

    func rows(_ sql: String, _ arguments: StatementArguments) throws -> [Row] {
        try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments)
    }

    /// Moves a job's counters after its requests moved, and its state with them: the only way either ever changes.
    ///
    /// - Parameters:
    ///   - wish: the state that people asked for, where they did (cancelled, paused, running again).
    mutating func settle(
        _ id: JobID, moving moves: [RequestState: Int], wish: JobState? = nil, isSealed: Bool? = nil
    ) throws {
        let job = try job(id)
        var counts = job.counts
        for (state, change) in moves { counts[state] += change }
        let isSealed = isSealed ?? job.isSealed
        let startedAt = job.startedAt ?? (counts.running > 0 ? now : nil)
        let state = (wish ?? job.state).following(counts, isSealed: isSealed, hasStarted: startedAt != nil)
        let isFinished = state.isFinal && counts.running == 0
        let finishedAt = isFinished ? job.finishedAt ?? now : nil
        try change(
            """
            UPDATE job SET state = ?, is_sealed = ?, started_at = ?, finished_at = ?,
                waiting = ?, running = ?, succeeded = ?, failed = ?, cancelled = ?, expired = ?
            WHERE id = ?
            """,
            [
                state.rawValue, isSealed, startedAt?.milliseconds, finishedAt?.milliseconds, counts.waiting,
                counts.running, counts.succeeded, counts.failed, counts.cancelled, counts.expired, id.rawValue,
            ])
        effects.changedJobs.insert(id)
    }
}

/// What listeners must hear after the commit.
struct Effects: Sendable {
    var changedJobs: Set<JobID> = []
    var cancelledRequests: [RequestID] = []
    var workIsAvailable = false
}
