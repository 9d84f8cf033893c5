internal import GRDB

extension JobStore {
    /// Stores a job with all its requests, sealed; both are on disk when it returns.
    ///
    /// With a known deduplication key the old job is continued: keys that it has are left alone, new ones are added.
    /// - Returns: the job, and the ids of the requests in the order given.
    public func submit(_ job: NewJob, _ requests: [NewRequest]) async throws -> (Job, [RequestID]) {
        let id = newJobID()
        return try await queue.perform(addsWork: true) { transaction in
            let (known, _) = try transaction.findOrInsert(job, as: id)
            let (ids, added) = try transaction.insert(requests, into: known)
            if added > 0 || !known.isSealed {
                let wish: JobState? = known.state == .cancelled && added > 0 ? .running : nil
                try transaction.settle(known.id, moving: [.waiting: added], wish: wish, isSealed: true)
            }
            return (try transaction.job(known.id), ids)
        }
    }

    /// Creates an unsealed job, to be filled by `append` and closed by `seal`.
    ///
    /// With a known deduplication key it is the old job, reopened whatever its state (a paused one stays paused). Its
    /// requests stay as they are: those that failed or were cancelled run again only after `retry`.
    public func openJob(_ job: NewJob) async throws -> (job: Job, isNew: Bool) {
        let id = newJobID()
        return try await queue.perform(addsWork: true) { transaction in
            let (known, isNew) = try transaction.findOrInsert(job, as: id)
            if known.isSealed {
                let wish: JobState? = known.state.isFinal ? .running : nil
                try transaction.settle(known.id, moving: [:], wish: wish, isSealed: false)
            }
            return (try transaction.job(known.id), isNew)
        }
    }

    /// Adds requests to an unsealed job; keys that it already has are left alone.
    /// - Returns: how many were new.
    public func append(_ requests: [NewRequest], to job: JobID) async throws -> Int {
        try await queue.perform(addsWork: true) { transaction in
            let known = try transaction.job(job)
            guard known.state != .cancelled else { throw JobStoreError.jobIsCancelled(job) }
            guard !known.isSealed else { throw JobStoreError.jobIsSealed(job) }
            let (_, added) = try transaction.insert(requests, into: known)
            if added > 0 { try transaction.settle(job, moving: [.waiting: added]) }
            return added
        }
    }

    /// Says that no more requests will come: the job is final as soon as they all are.
    public func seal(_ job: JobID) async throws {
        try await queue.perform { transaction in
            guard try !transaction.job(job).isSealed else { return }
            try transaction.settle(job, moving: [:], isSealed: true)
        }
    }
}

extension Transaction {
    mutating func findOrInsert(_ job: NewJob, as id: JobID) throws -> (job: Job, isNew: Bool) {
        guard !job.kind.isEmpty, !job.model.isEmpty, job.deduplicationKey != "" else {
            throw JobStoreError.invalidRequest(
                key: job.label, reason: "its job has an empty kind, model or deduplication key")
        }
        if let key = job.deduplicationKey,
            let row = try rows("SELECT * FROM job WHERE deduplication_key = ?", [key]).first
        {
            return (try Job(row: row), false)
        }
        try change(
            """
            INSERT INTO job
                (id, kind, label, model, priority, specification, deduplication_key, is_synchronous, is_sealed, state,
                created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 'queued', ?)
            """,
            [
                id.rawValue, job.kind, job.label, job.model, job.priority.rawValue, job.specification,
                job.deduplicationKey, job.isSynchronous, now.milliseconds,
            ])
        return (try self.job(id), true)
    }

    mutating func insert(
        _ requests: [NewRequest], into job: Job
    ) throws -> (ids: [RequestID], added: Int) {
        var added = 0
        var ids: [RequestID] = []
        for request in requests {
            guard request.maxAttempts >= 1 else {
                throw JobStoreError.invalidRequest(
                    key: request.key, reason: "it allows \(request.maxAttempts) attempts, at least 1 is needed")
            }
            let isNew = try change(
                """
                INSERT INTO request
                    (job_id, key, model, priority, state, is_held, run_at, max_attempts, created_at, payload)
                VALUES (?, ?, ?, ?, 'waiting', ?, ?, ?, ?, ?) ON CONFLICT (job_id, key) DO NOTHING
                """,
                [
                    job.id.rawValue, request.key, job.model, job.priority.rawValue, job.state == .paused,
                    now.milliseconds, request.maxAttempts, now.milliseconds, request.payload,
                ])
            if isNew == 0 {
                let known = try rows(
                    "SELECT id FROM request WHERE job_id = ? AND key = ?", [job.id.rawValue, request.key])
                ids += known.map { RequestID(rawValue: $0["id"]) }
            } else {
                added += 1
                let id = RequestID(rawValue: db.lastInsertedRowID)
                ids.append(id)
                for blob in request.blobs { try refer(id, to: blob) }
            }
        }
        effects.workIsAvailable = effects.workIsAvailable || (added > 0 && job.state != .paused)
        return (ids, added)
    }

    private func refer(_ request: RequestID, to blob: BlobID) throws {
        guard try !rows("SELECT 1 FROM blob WHERE id = ?", [blob.rawValue]).isEmpty else {
            throw JobStoreError.unknownBlob(blob)
        }
        try change(
            "INSERT OR IGNORE INTO request_blob (request_id, blob_id) VALUES (?, ?)", [request.rawValue, blob.rawValue])
    }
}
