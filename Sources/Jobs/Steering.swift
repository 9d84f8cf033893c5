internal import GRDB

/// What people do to jobs.
extension JobStore {
    /// Cancels what waits at once and asks workers to let go of what runs (`cancellations`); what they still hand in
    /// becomes cancelled too. A final job is left as it is.
    public func cancel(_ id: JobID) async throws -> Job? {
        try await steer(id) { transaction, job in
            guard !job.state.isFinal else { return }
            try transaction.change(
                """
                UPDATE request SET state = 'cancelled', is_held = 0, finished_at = ?
                WHERE job_id = ? AND state = 'waiting'
                """,
                [transaction.now.milliseconds, id.rawValue])
            let flagged = try transaction.rows(
                """
                UPDATE request SET cancel_requested = 1
                WHERE job_id = ? AND state = 'running' AND cancel_requested = 0 RETURNING id
                """, [id.rawValue])
            transaction.effects.cancelledRequests += flagged.map { RequestID(rawValue: $0["id"]) }
            let waiting = job.counts.waiting
            try transaction.settle(
                id, moving: [.waiting: -waiting, .cancelled: waiting], wish: .cancelled, isSealed: true)
        }
    }

    /// Cancels one request; a final one is left as it is.
    public func cancel(_ id: RequestID) async throws {
        try await queue.perform { transaction in
            guard let request = try StoredRequest.fetch(transaction.db, id) else { return }
            switch request.state {
            case .waiting:
                try transaction.change(
                    "UPDATE request SET state = 'cancelled', is_held = 0, finished_at = ? WHERE id = ?",
                    [transaction.now.milliseconds, id.rawValue])
                try transaction.settle(request.jobID, moving: [.waiting: -1, .cancelled: 1])
            case .running:
                let changed = try transaction.change(
                    "UPDATE request SET cancel_requested = 1 WHERE id = ? AND cancel_requested = 0", [id.rawValue])
                if changed > 0 { transaction.effects.cancelledRequests.append(id) }
            case .succeeded, .failed, .cancelled, .expired: break
            }
        }
    }

    /// Holds a job's waiting requests back; running ones go on. A final job is left as it is.
    public func pause(_ id: JobID) async throws -> Job? {
        try await steer(id) { transaction, job in
            guard !job.state.isFinal, job.state != .paused else { return }
            try transaction.change(
                "UPDATE request SET is_held = 1 WHERE job_id = ? AND state = 'waiting'", [id.rawValue])
            try transaction.settle(id, moving: [:], wish: .paused)
        }
    }

    /// Lets a paused job go on.
    public func resume(_ id: JobID) async throws -> Job? {
        let longestDelay = configuration.retryPolicy.cap
        return try await steer(id) { transaction, job in
            guard job.state == .paused else { return }
            try transaction.change(
                "UPDATE request SET is_held = 0, run_at = \(clampedRunAt) WHERE job_id = ? AND state = 'waiting'",
                [
                    transaction.now.milliseconds, (transaction.now + longestDelay).milliseconds, id.rawValue,
                ])
            try transaction.settle(id, moving: [:], wish: .running)
            transaction.effects.workIsAvailable = true
        }
    }

    /// Lets failed, expired and cancelled requests wait again, with all their attempts, and so the job run again.
    ///
    /// A running request that was cancelled starts anew as well: its present worker has lost it.
    public func retry(_ id: JobID) async throws -> Job? {
        try await steer(id) { transaction, job in
            let counts = job.counts
            let abandoned = try transaction.change(
                retryRequests + " AND state = 'running' AND cancel_requested = 1",
                [job.state == .paused, transaction.now.milliseconds, id.rawValue])
            let again = try transaction.change(
                retryRequests + " AND state IN ('failed', 'expired', 'cancelled')",
                [job.state == .paused, transaction.now.milliseconds, id.rawValue])
            guard again + abandoned > 0 else { return }
            try transaction.settle(
                id,
                moving: [
                    .waiting: again + abandoned, .running: -abandoned, .failed: -counts.failed,
                    .expired: -counts.expired, .cancelled: -counts.cancelled,
                ],
                wish: job.state == .paused ? nil : .running)
            transaction.effects.workIsAvailable = true
        }
    }

    private func steer(
        _ id: JobID, _ body: @escaping @Sendable (inout Transaction, Job) throws -> Void
    ) async throws -> Job? {
        try await queue.perform { transaction in
            guard let job = try Job.fetch(transaction.db, id) else { return nil }
            try body(&transaction, job)
            return try Job.fetch(transaction.db, id)
        }
    }
}

private let retryRequests = """
    UPDATE request SET state = 'waiting', is_held = ?, run_at = ?, attempts = 0, crashes = 0, worker = NULL,
        lease_expires_at = NULL, cancel_requested = 0, finished_at = NULL, failure_code = NULL, failure_message = NULL,
        failure_retryable = NULL
    WHERE job_id = ?
    """
