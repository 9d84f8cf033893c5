internal import GRDB

extension JobStore {
    /// Changes which jobs a job's requests go before. What runs goes on; everything that waits, or may wait again after a
    /// retry, has the new priority. Linear in those, like a pause.
    public func prioritize(_ id: JobID, _ priority: JobPriority) async throws -> Job? {
        try await queue.perform { transaction in
            guard let job = try Job.fetch(transaction.db, id), job.priority != priority else {
                return try Job.fetch(transaction.db, id)
            }
            try transaction.change("UPDATE job SET priority = ? WHERE id = ?", [priority.rawValue, id.rawValue])
            try transaction.change(
                """
                UPDATE request SET priority = ? WHERE job_id = ?
                    AND state IN ('waiting', 'running', 'failed', 'cancelled', 'expired')
                """, [priority.rawValue, id.rawValue])
            try transaction.settle(id, moving: [:])
            transaction.effects.workIsAvailable = true
            return try Job.fetch(transaction.db, id)
        }
    }
}
