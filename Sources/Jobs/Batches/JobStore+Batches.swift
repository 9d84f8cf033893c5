internal import GRDB

/// Batches as clients and commands see them.
extension JobStore {
    /// A batch of a file, to be validated; nil when there is no such file (any more).
    public func create(_ batch: NewBatch) async throws -> Batch? {
        let id = BatchID(rawValue: "batch_\(newSortableID())")
        return try await queue.perform(addsWork: true) { transaction in
            let now = transaction.now
            guard let file = try StoredFile.fetch(transaction.db, batch.inputFile, at: now) else { return nil }
            try transaction.change(
                """
                INSERT INTO batch
                    (id, resume_key, endpoint, completion_window, input_file_id, input_blob, metadata, output_lifetime,
                    status, created_at, expires_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'validating', ?, ?)
                """,
                [
                    id.rawValue, batch.resumeKey, batch.endpoint, batch.completionWindow, file.id.rawValue,
                    file.blob.rawValue, batch.metadata, batch.outputLifetime?.wholeMilliseconds, now.milliseconds,
                    batch.window.map { (now + $0).milliseconds },
                ])
            return try Batch.fetch(transaction.db, id)
        }
    }

    /// The batch and how far it is: two rows are read, whatever its size.
    public func batch(_ id: BatchID) async throws -> Batch? {
        try await read { try Batch.fetch($0, id) }
    }

    /// The batch that a command made under this key.
    public func batch(resumeKey key: String) async throws -> Batch? {
        try await read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM batch WHERE resume_key = ?", arguments: [key])
                .map { try Batch(row: $0, db) }
        }
    }

    /// Batches, newest first.
    /// - Parameter after: the last batch of the previous page.
    public func batches(limit: Int, after: BatchID? = nil) async throws -> [Batch] {
        try await read { db in
            // "batch_~" is above every id.
            try Row.fetchAll(
                db, sql: "SELECT * FROM batch WHERE id < ? ORDER BY id DESC LIMIT ?",
                arguments: [after?.rawValue ?? "batch_~", max(0, limit)]
            ).map { try Batch(row: $0, db) }
        }
    }

    /// Those that somebody has to bring to an end, oldest first.
    public func unfinishedBatches() async throws -> [BatchID] {
        try await read { db in
            try String.fetchAll(db, sql: "SELECT id FROM batch WHERE input_blob IS NOT NULL ORDER BY id")
                .map(BatchID.init(rawValue:))
        }
    }

    /// Asks for the end of a batch; its job has to be cancelled next. A batch that is final, or being cancelled already, is
    /// left as it is; nil when there is none.
    public func cancelBatch(_ id: BatchID) async throws -> Batch? {
        try await changeBatch(
            id, "status = 'cancelling', cancelling_at = ?", "status IN ('validating', 'in_progress', 'finalizing')"
        ) { [$0.now.milliseconds] }
    }

    /// Forgets by which key a batch was made: the command begins another one.
    public func disownBatch(_ id: BatchID) async throws {
        _ = try await changeBatch(id, "resume_key = NULL", "resume_key IS NOT NULL") { _ in [] }
    }

    /// Lets a final batch whose job is still known run again, over the same input; its output files go. What failed or was
    /// cancelled waits again once its job is retried.
    public func reopenBatch(_ id: BatchID, reading input: BlobID) async throws -> Batch? {
        try await queue.perform { transaction in
            guard let batch = try Batch.fetch(transaction.db, id), batch.status.isFinal, batch.job != nil else {
                return try Batch.fetch(transaction.db, id)
            }
            for file in [batch.outputFile, batch.errorFile].compactMap({ $0 }) {
                try transaction.change("DELETE FROM file WHERE id = ?", [file.rawValue])
            }
            try transaction.change(
                """
                UPDATE batch SET status = 'in_progress', input_blob = ?, succeeded = 0, failed = 0, input_tokens = 0,
                    cached_tokens = 0, output_tokens = 0, output_file_id = NULL, error_file_id = NULL, overdue_at = NULL,
                    finalizing_at = NULL, completed_at = NULL, expired_at = NULL, cancelling_at = NULL,
                    cancelled_at = NULL
                WHERE id = ?
                """, [input.rawValue, id.rawValue])
            return try Batch.fetch(transaction.db, id)
        }
    }

    /// Changes a batch if `condition` holds, and returns it as it is then; nil when there is none.
    func changeBatch(
        _ id: BatchID, _ change: String, _ condition: String,
        _ arguments: @escaping @Sendable (Transaction) -> StatementArguments
    ) async throws -> Batch? {
        try await queue.perform { transaction in
            try transaction.change(
                "UPDATE batch SET \(change) WHERE id = ? AND \(condition)", arguments(transaction) + [id.rawValue])
            return try Batch.fetch(transaction.db, id)
        }
    }
}
