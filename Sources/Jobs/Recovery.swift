internal import GRDB

extension JobStore {
    /// Takes requests back from workers that have not renewed their leases in time; each counts as a crash.
    ///
    /// The second net, for workers that hang in a living process. To be called now and then (every quarter lease).
    /// - Returns: how many leases had expired.
    @discardableResult
    public func rescueExpiredLeases() async throws -> Int {
        let maxCrashes = configuration.maxCrashes
        return try await queue.perform { transaction in
            let orphans = try transaction.rows(
                "\(selectRunning) AND request.lease_expires_at <= ?", [transaction.now.milliseconds])
            for orphan in orphans {
                try transaction.rescue(orphan, maxCrashes: maxCrashes, ownerDied: false)
            }
            return orphans.count
        }
    }
}

private let selectRunning = """
    SELECT request.id, request.job_id, attempts, crashes, cancel_requested, is_synchronous
    FROM request JOIN job ON job.id = request.job_id WHERE request.state = 'running'
    """

extension Transaction {
    /// Puts in order what the last owner of the database left behind. Nobody else can have claims: we hold the lock.
    mutating func recover(maxCrashes: Int, longestDelay: Duration) throws {
        for orphan in try rows(selectRunning, []) {
            try rescue(orphan, maxCrashes: maxCrashes, ownerDied: true)
        }
        try expireForgottenClients()
        try change("DELETE FROM worker", [])
        try clampFutures(longestDelay: longestDelay)
    }

    fileprivate mutating func rescue(_ orphan: Row, maxCrashes: Int, ownerDied: Bool) throws {
        let id = RequestID(rawValue: orphan["id"])
        let job = JobID(rawValue: orphan["job_id"])
        let crashes: Int = orphan["crashes"] + 1
        let attempts: Int = orphan["attempts"]
        if orphan["cancel_requested"] {
            try finishRunning(id, of: job, as: .cancelled)
        } else if ownerDied && orphan["is_synchronous"] {
            try finishRunning(id, of: job, as: .expired, failure: .ownerDied)
        } else if crashes >= maxCrashes {
            try change("UPDATE request SET crashes = ? WHERE id = ?", [crashes, id.rawValue])
            try finishRunning(id, of: job, as: .failed, failure: .workerCrashed(times: crashes))
        } else {
            // The attempt did not end by the request's own doing: only the crash counts.
            try putBackRunning(id, of: job, attempts: attempts - 1, crashes: crashes)
        }
    }

    /// The clients of synchronous requests waited on connections that died with the last owner.
    private mutating func expireForgottenClients() throws {
        let jobs = try rows(
            "SELECT id, waiting FROM job WHERE finished_at IS NULL AND is_synchronous = 1 AND waiting > 0", [])
        for row in jobs {
            let failure = RequestFailure.ownerDied
            try change(
                """
                UPDATE request SET state = 'expired', is_held = 0, finished_at = ?, failure_code = ?,
                    failure_message = ?, failure_retryable = ?
                WHERE job_id = ? AND state = 'waiting'
                """, [now.milliseconds, failure.code, failure.message, failure.isRetryable, row["id"] as String])
            let waiting: Int = row["waiting"]
            try settle(JobID(rawValue: row["id"]), moving: [.waiting: -waiting, .expired: waiting])
        }
    }

    /// After the clock was set back, requests stored before would seem to be due far in the future.
    private func clampFutures(longestDelay: Duration) throws {
        try change(
            "UPDATE request SET run_at = \(clampedRunAt) WHERE state = 'waiting' AND is_held = 0 AND run_at > ?",
            [now.milliseconds, (now + longestDelay).milliseconds, now.milliseconds])
    }
}

/// Takes now and the latest moment that a retry may wait for: a request that never failed is due at once.
let clampedRunAt = "CASE WHEN attempts = 0 THEN min(run_at, ?) ELSE min(run_at, ?) END"
