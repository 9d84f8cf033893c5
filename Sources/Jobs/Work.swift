internal import GRDB
internal import Synchronization

extension JobStore {
    /// Hands up to `limit` due requests of `scope` to a worker: interactive before bulk, then oldest first.
    ///
    /// A request that would be set aside after one more crash runs alone: nothing else is handed out until the requests
    /// already running are done, and then only it. So the one that kills its worker is found without convicting those
    /// that happened to run beside it. A bulk one lets interactive requests go first, but not for longer than
    /// `suspectPatience`.
    ///
    /// - Parameter interactiveOnly: leave bulk requests to wait, for a worker that has only room kept for people.
    public func claim(
        upTo limit: Int, of scope: ClaimScope, for worker: WorkerID, interactiveOnly: Bool = false
    ) async throws -> [Claim] {
        let room = ClaimRoom(interactive: limit, bulk: interactiveOnly ? 0 : limit, total: limit)
        return try await claim(room, of: scope, for: worker)
    }

    /// The same for a worker that keeps room for either kind.
    public func claim(_ room: ClaimRoom, of scope: ClaimScope, for worker: WorkerID) async throws -> [Claim] {
        guard room.total > 0 else { return [] }
        let configuration = configuration
        return try await queue.perform { transaction in
            let ids = try self.suspectOvertakenSince.withLock { since in
                try transaction.claimable(
                    room, of: scope, suspectAfter: configuration.maxCrashes - 1, overtakenSince: &since)
            }
            guard !ids.isEmpty else { return [] }
            try transaction.see(worker)
            let until = transaction.now + configuration.leaseDuration
            return try transaction.lease(ids, to: worker, until: until)
        }
    }

    /// Extends the leases of requests that are still being worked on.
    /// - Returns: the claims that are lost or cancelled; their work can stop.
    public func renew(_ claims: [Claim]) async throws -> [Claim] {
        guard !claims.isEmpty else { return [] }
        let lease = configuration.leaseDuration
        return try await queue.perform { transaction in
            for worker in Set(claims.map(\.worker)) { try transaction.see(worker) }
            let until = transaction.now + lease
            return try claims.filter { claim in
                try transaction.change(
                    "UPDATE request SET lease_expires_at = ? WHERE \(fence) AND cancel_requested = 0",
                    [until.milliseconds] + claim.fenceArguments) == 0
            }
        }
    }

    /// Stores a result, durably, if the claim still holds.
    public func complete(_ claim: Claim, result: String) async throws -> CompletionOutcome {
        try await queue.perform { transaction in
            guard let held = try transaction.held(claim) else { return .leaseLost }
            guard !held.isCancelled else {
                try transaction.finish(claim, as: .cancelled)
                return .leaseLost
            }
            try transaction.finish(claim, as: .succeeded, result: result)
            return .recorded
        }
    }

    /// Records a failed attempt: it waits for another one if the failure allows it and attempts are left.
    public func fail(_ claim: Claim, _ failure: RequestFailure) async throws -> FailureOutcome {
        let configuration = configuration
        return try await queue.perform { transaction in
            guard let held = try transaction.held(claim) else { return .leaseLost }
            guard !held.isCancelled else {
                try transaction.finish(claim, as: .cancelled)
                return .leaseLost
            }
            let outcome = configuration.retryPolicy.outcome(
                of: failure, attempt: held.attempts, limit: held.maxAttempts, jitter: configuration.jitter())
            switch outcome {
            case .fail:
                try transaction.finish(claim, as: .failed, failure: failure)
                return .failed
            case .retry(let delay):
                let moment = transaction.now + delay
                try transaction.putBack(claim, runAt: moment, failure: failure)
                return .willRetry(at: moment)
            }
        }
    }

    /// Gives requests back unfinished, as at a graceful shutdown: the attempt does not count.
    public func release(_ claims: [Claim]) async throws {
        guard !claims.isEmpty else { return }
        try await queue.perform { transaction in
            for claim in claims {
                guard let held = try transaction.held(claim) else { continue }
                if held.isCancelled {
                    try transaction.finish(claim, as: .cancelled)
                } else {
                    try transaction.putBack(claim, attempts: held.attempts - 1)
                }
            }
        }
    }

    /// When the next waiting request of `scope` becomes due: in the past if one is due already, nil if none waits.
    public func nextDue(of scope: ClaimScope) async throws -> Timestamp? {
        try await read { try scope.nextDue($0) }.map(Timestamp.init(milliseconds:))
    }
}

/// How long interactive requests may overtake a bulk request that must run alone.
private let suspectPatience = Duration.seconds(5)

/// Only the holder of the latest claim passes.
private let fence = "id = ? AND state = 'running' AND worker = ? AND epoch = ?"

extension Claim {
    fileprivate var fenceArguments: StatementArguments { [requestID.rawValue, worker.rawValue, epoch] }
}

/// What the row says about a claim that still holds.
private struct HeldRequest {
    let attempts: Int
    let maxAttempts: Int
    let isCancelled: Bool
}

extension Transaction {
    fileprivate func see(_ worker: WorkerID) throws {
        try change(
            """
            INSERT INTO worker (id, last_seen_at) VALUES (?, ?)
            ON CONFLICT (id) DO UPDATE SET last_seen_at = excluded.last_seen_at
            """, [worker.rawValue, now.milliseconds])
    }

    fileprivate func claimable(
        _ room: ClaimRoom, of scope: ClaimScope, suspectAfter crashes: Int, overtakenSince: inout Timestamp?
    ) throws -> [Int64] {
        // With a limit of one crash nobody runs twice, so there are no suspects.
        let threshold = crashes > 0 ? crashes : Int.max
        let running = try rows("SELECT crashes FROM request WHERE state = 'running'", [])
        guard !running.contains(where: { $0["crashes"] >= threshold }) else { return [] }
        if let since = overtakenSince, since + suspectPatience <= now {
            if let first = try ready(1, of: scope, .bulk).first, first["crashes"] >= threshold {
                guard running.isEmpty, room.bulk > 0 else { return [] }
                overtakenSince = nil
                return [first["id"]]
            }
            overtakenSince = nil
        }
        var ids: [Int64] = []
        for (row, priority) in try candidates(room, of: scope) {
            if row["crashes"] >= threshold {
                let isAlone = ids.isEmpty && running.isEmpty
                if priority == .bulk { overtakenSince = isAlone ? nil : overtakenSince ?? now }
                return isAlone ? [row["id"]] : ids
            }
            ids.append(row["id"])
        }
        return ids
    }

    /// Interactive requests in their own room, bulk ones in theirs, and interactive ones in what is left of it all.
    private func candidates(_ room: ClaimRoom, of scope: ClaimScope) throws -> [(row: Row, priority: JobPriority)] {
        let interactive = try ready(room.total, of: scope, .interactive)
        let first = interactive.prefix(room.interactive)
        let bulk = try ready(min(room.bulk, room.total - first.count), of: scope, .bulk)
        let last = interactive.dropFirst(first.count).prefix(room.total - first.count - bulk.count)
        return first.map { ($0, .interactive) } + bulk.map { ($0, .bulk) } + last.map { ($0, .interactive) }
    }

    private func ready(_ limit: Int, of scope: ClaimScope, _ priority: JobPriority) throws -> [Row] {
        guard limit > 0 else { return [] }
        return try rows(
            """
            SELECT id, crashes FROM request
            WHERE \(scope.isReady) AND priority = ? AND run_at <= ? ORDER BY run_at, id LIMIT ?
            """, [scope.value, priority.rawValue, now.milliseconds, limit])
    }

    fileprivate mutating func lease(_ ids: [Int64], to worker: WorkerID, until: Timestamp) throws -> [Claim] {
        var claims: [Claim] = []
        var jobs: [JobID: Job] = [:]
        for id in ids {
            let changed = try rows(
                """
                UPDATE request SET state = 'running', attempts = attempts + 1, epoch = epoch + 1, worker = ?,
                    lease_expires_at = ?, started_at = ?
                WHERE id = ? RETURNING job_id, key, payload, attempts, epoch
                """, [worker.rawValue, until.milliseconds, now.milliseconds, id])
            guard let row = changed.first else { continue }
            let jobID = JobID(rawValue: row["job_id"])
            let job = try jobs[jobID] ?? job(jobID)
            jobs[jobID] = job
            claims.append(
                Claim(
                    requestID: RequestID(rawValue: id), jobID: jobID, worker: worker, epoch: row["epoch"],
                    key: row["key"], payload: row["payload"], jobKind: job.kind, jobSpecification: job.specification,
                    priority: job.priority, attempt: row["attempts"], isSynchronous: job.isSynchronous))
        }
        for (jobID, claims) in Dictionary(grouping: claims, by: \.jobID) {
            try settle(jobID, moving: [.waiting: -claims.count, .running: claims.count])
        }
        return claims
    }

    fileprivate func held(_ claim: Claim) throws -> HeldRequest? {
        try rows(
            "SELECT attempts, max_attempts, cancel_requested FROM request WHERE \(fence)", claim.fenceArguments
        ).first.map { row in
            HeldRequest(
                attempts: row["attempts"], maxAttempts: row["max_attempts"], isCancelled: row["cancel_requested"])
        }
    }

    fileprivate mutating func finish(
        _ claim: Claim, as state: RequestState, result: String? = nil, failure: RequestFailure? = nil
    ) throws {
        try finishRunning(claim.requestID, of: claim.jobID, as: state, result: result, failure: failure)
    }

    fileprivate mutating func putBack(
        _ claim: Claim, runAt: Timestamp? = nil, attempts: Int? = nil, failure: RequestFailure? = nil
    ) throws {
        try putBackRunning(claim.requestID, of: claim.jobID, runAt: runAt, attempts: attempts, failure: failure)
    }
}
