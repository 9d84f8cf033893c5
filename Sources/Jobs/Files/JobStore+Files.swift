internal import GRDB

/// Files: rows that keep blobs alive.
extension JobStore {
    public func add(_ file: NewFile) async throws -> StoredFile {
        let id = newFileID()
        return try await queue.perform(addsWork: true) { try $0.insert(file, as: id) }
    }

    /// Nil when there is none, or when it has expired.
    public func file(_ id: FileID) async throws -> StoredFile? {
        let now = now
        return try await read { try StoredFile.fetch($0, id, at: now) }
    }

    /// Those of `ids` that are there and have not expired.
    public func files(_ ids: [FileID]) async throws -> [FileID: StoredFile] {
        let now = now
        return try await read { db in
            var files: [FileID: StoredFile] = [:]
            for id in ids { files[id] = try StoredFile.fetch(db, id, at: now) }
            return files
        }
    }

    /// Files that have not expired, newest first unless told otherwise.
    /// - Parameters:
    ///   - purpose: of all purposes when nil.
    ///   - after: the last file of the previous page; it need not be there any more.
    public func files(
        purpose: String? = nil, after: FileID? = nil, oldestFirst: Bool = false, limit: Int
    ) async throws -> [StoredFile] {
        let now = now
        // "file-~" is above every id.
        let start = after?.rawValue ?? (oldestFirst ? "" : "file-~")
        return try await read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM file WHERE (expires_at IS NULL OR expires_at > ?) AND (? IS NULL OR purpose = ?)
                        AND id \(oldestFirst ? ">" : "<") ? ORDER BY id \(oldestFirst ? "ASC" : "DESC") LIMIT ?
                    """, arguments: [now.milliseconds, purpose, purpose, start, max(0, limit)]
            ).map(StoredFile.init(row:))
        }
    }

    /// Removes a file; its bytes go with the next sweep after the grace period of blobs, unless something else uses them.
    /// - Returns: whether it was there.
    public func removeFile(_ id: FileID) async throws -> Bool {
        try await queue.perform { transaction in
            try transaction.change(
                "DELETE FROM file WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)",
                [id.rawValue, transaction.now.milliseconds]) > 0
        }
    }

    func removeExpiredFiles() async throws {
        try await queue.perform { transaction in
            try transaction.change("DELETE FROM file WHERE expires_at <= ?", [transaction.now.milliseconds])
        }
    }

    func newFileID() -> FileID { FileID(rawValue: "file-\(newSortableID())") }

    /// 26 base32 characters: a job's id without its prefix.
    func newSortableID() -> Substring { newJobID().rawValue.dropFirst("job_".count) }
}

extension Transaction {
    mutating func insert(_ file: NewFile, as id: FileID) throws -> StoredFile {
        guard try !rows("SELECT 1 FROM blob WHERE id = ?", [file.blob.rawValue]).isEmpty else {
            throw JobStoreError.unknownBlob(file.blob)
        }
        let expiry = file.lifetime.map { now + $0 }
        try change(
            """
            INSERT INTO file (id, purpose, filename, blob_id, bytes, created_at, expires_at)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                id.rawValue, file.purpose, file.filename, file.blob.rawValue, file.bytes, now.milliseconds,
                expiry?.milliseconds,
            ])
        return StoredFile(
            id: id, purpose: file.purpose, filename: file.filename, blob: file.blob, bytes: file.bytes, createdAt: now,
            expiresAt: expiry)
    }
}

extension StoredFile {
    /// - Parameter row: `SELECT * FROM file`.
    init(row: Row) {
        self.init(
            id: FileID(rawValue: row["id"]), purpose: row["purpose"], filename: row["filename"],
            blob: BlobID(rawValue: row["blob_id"]), bytes: row["bytes"],
            createdAt: Timestamp(milliseconds: row["created_at"]),
            expiresAt: (row["expires_at"] as Int64?).map(Timestamp.init(milliseconds:)))
    }

    static func fetch(_ db: Database, _ id: FileID, at now: Timestamp) throws -> StoredFile? {
        try Row.fetchOne(
            db, sql: "SELECT * FROM file WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)",
            arguments: [id.rawValue, now.milliseconds]
        ).map(StoredFile.init(row:))
    }
}
