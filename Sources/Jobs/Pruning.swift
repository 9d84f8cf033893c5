internal import GRDB

extension JobStore {
    /// Deletes jobs that finished before a moment, with their requests, and files that have expired; then blobs that
    /// nothing refers to any more, and gives free pages back to the file system. A job whose batch has not written its
    /// output yet is kept.
    /// - Returns: how many jobs were deleted.
    public func prune(finishedBefore moment: Timestamp) async throws -> Int {
        var total = 0
        while true {
            let deleted = try await queue.perform { transaction in
                let old = try transaction.rows(
                    """
                    SELECT id FROM job WHERE finished_at < ?
                        AND NOT EXISTS (SELECT 1 FROM batch WHERE job_id = job.id AND input_blob IS NOT NULL)
                    ORDER BY finished_at LIMIT 50
                    """, [moment.milliseconds])
                for row in old {
                    let id: String = row["id"]
                    try transaction.change("DELETE FROM job WHERE id = ?", [id])
                    transaction.effects.changedJobs.insert(JobID(rawValue: id))
                }
                return old.count
            }
            guard deleted > 0 else { break }
            total += deleted
        }
        try await removeExpiredFiles()
        try await sweepBlobs()
        try await queue.perform { try $0.db.execute(sql: "PRAGMA incremental_vacuum(10000)") }
        return total
    }

    private func sweepBlobs() async throws {
        let blobs = blobs
        let cutoff = clock.now() - configuration.blobGracePeriod
        let unused = try await read { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT id FROM blob WHERE last_used_at < ? AND \(isUnused)
                    """, arguments: [cutoff.milliseconds])
        }
        var rest = unused[...]
        while !rest.isEmpty {
            let chunk = Array(rest.prefix(200))
            rest = rest.dropFirst(chunk.count)
            try await queue.perform { transaction in
                for id in chunk {
                    let deleted = try transaction.change(
                        """
                        DELETE FROM blob WHERE id = ? AND last_used_at < ? AND \(isUnused)
                        """, [id, cutoff.milliseconds])
                    if deleted > 0 { blobs.remove(BlobID(rawValue: id)) }
                }
            }
        }
    }
}

/// What refers to blobs: requests, files, and batches that still read their input.
private let isUnused = """
    NOT EXISTS (SELECT 1 FROM request_blob WHERE blob_id = blob.id)
        AND NOT EXISTS (SELECT 1 FROM file WHERE blob_id = blob.id)
        AND NOT EXISTS (SELECT 1 FROM batch WHERE input_blob = blob.id)
    """
