internal import GRDB

extension JobStore {
    /// Stores a job and its requests in one commit, unless a job is known under its deduplication key: that one is left
    /// exactly as it is, whatever was asked for, where `submit` and `openJob` would continue it.
    /// - Parameter isSealed: false for a job that `append` fills and `seal` closes.
    public func create(
        _ job: NewJob, _ requests: [NewRequest] = [], isSealed: Bool = true
    ) async throws -> (job: Job, isNew: Bool) {
        let id = newJobID()
        return try await queue.perform(addsWork: true) { transaction in
            let (known, isNew) = try transaction.findOrInsert(job, as: id)
            guard isNew else { return (known, false) }
            let (_, added) = try transaction.insert(requests, into: known)
            try transaction.settle(known.id, moving: [.waiting: added], isSealed: isSealed)
            return (try transaction.job(known.id), true)
        }
    }

    /// Jobs of a kind that more requests are expected for, oldest first: what a restarted server has to go on filling.
    public func unsealedJobs(kind: String) async throws -> [Job] {
        try await read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM job WHERE finished_at IS NULL AND is_sealed = 0 AND kind = ? ORDER BY id",
                arguments: [kind]
            ).map(Job.init(row:))
        }
    }
}
