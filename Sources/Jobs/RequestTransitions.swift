internal import GRDB

/// The two ways out of `running`. The fence was checked by the caller in the same transaction.
///
/// Both poke the workers: a request that must run alone becomes claimable when the last of the others has ended.
extension Transaction {
    /// running → succeeded, failed, cancelled or expired.
    mutating func finishRunning(
        _ id: RequestID, of job: JobID, as state: RequestState, result: String? = nil, failure: RequestFailure? = nil
    ) throws {
        try change(
            """
            UPDATE request SET state = ?, worker = NULL, lease_expires_at = NULL, cancel_requested = 0,
                finished_at = ?, result = ?, failure_code = ?, failure_message = ?, failure_retryable = ?
            WHERE id = ? AND state = 'running'
            """,
            [
                state.rawValue, now.milliseconds, result, failure?.code, failure?.message, failure?.isRetryable,
                id.rawValue,
            ])
        try settle(job, moving: [.running: -1, state: 1])
        effects.workIsAvailable = true
    }

    /// running → waiting; what is not given stays as it is.
    mutating func putBackRunning(
        _ id: RequestID, of job: JobID, runAt: Timestamp? = nil, attempts: Int? = nil, crashes: Int? = nil,
        failure: RequestFailure? = nil
    ) throws {
        try change(
            """
            UPDATE request SET state = 'waiting', worker = NULL, lease_expires_at = NULL, cancel_requested = 0,
                is_held = (SELECT state = 'paused' FROM job WHERE job.id = request.job_id),
                run_at = coalesce(?, run_at), attempts = coalesce(?, attempts), crashes = coalesce(?, crashes),
                failure_code = ?, failure_message = ?, failure_retryable = ?
            WHERE id = ? AND state = 'running'
            """,
            [
                runAt?.milliseconds, attempts, crashes, failure?.code, failure?.message, failure?.isRetryable,
                id.rawValue,
            ])
        try settle(job, moving: [.running: -1, .waiting: 1])
        effects.workIsAvailable = true
    }
}
