internal import GRDB

/// What can go wrong between us and the database.
public enum JobStoreError: Error, Sendable, Hashable, CustomStringConvertible {
    case locked(DatabaseOwner)
    case noDatabase(path: String)
    case notWritable(path: String, reason: String)
    case networkFileSystem(path: String, type: String)
    case foreignDatabase(path: String, found: String)
    case newerSchema(path: String, found: Int, known: Int)
    case olderSchema(path: String, found: Int, known: Int)
    case changedMigration(path: String, name: String, recorded: String, found: String)
    case corrupt(path: String, detail: String)
    case diskFull(path: String)
    case inputOutput(path: String, detail: String)
    case database(path: String, detail: String)
    case closed(path: String)
    case unknownJob(JobID)
    case jobIsCancelled(JobID)
    case jobIsSealed(JobID)
    case invalidRequest(key: String, reason: String)
    case unknownBlob(BlobID)
    case damagedBlob(BlobID, path: String)
    case blobTooLarge(bytes: Int, limit: Int)

    public var description: String {
        switch self {
        case .locked(let owner):
            "The database is in use by process \(owner.pid)\(owner.url.map { " at \($0)" } ?? ""): "
                + "use that server or stop it."
        case .noDatabase(let path):
            "There is no database \(path): check its name; docent serve and docent caption make one."
        case .notWritable(let path, let reason):
            "\(path) cannot be opened for writing (\(reason)): choose another place for the database."
        case .networkFileSystem(let path, let type):
            "\(path) is on a \(type) file system, on which SQLite loses data: put the database on a local disk."
        case .foreignDatabase(let path, let found):
            "\(path) is not a docent database but \(found): choose another file."
        case .newerSchema(let path, let found, let known):
            "\(path) has schema version \(found), this program knows \(known): use the newer program."
        case .olderSchema(let path, let found, let known):
            "\(path) has schema version \(found), this program needs \(known): "
                + "docent serve or docent caption brings it up to date."
        case .changedMigration(let path, let name, let recorded, let found):
            "\(path) was made by another \(name) (sha256 \(recorded.prefix(12))…, this program has "
                + "\(found.prefix(12))…): use the program that made it."
        case .corrupt(let path, let detail):
            "\(path) is damaged (\(detail)): restore a backup, or move it away with its -wal file to start empty."
        case .diskFull(let path):
            "No space is left for \(path): nothing of this write was stored; free some space and try again."
        case .inputOutput(let path, let detail):
            "The disk of \(path) failed (\(detail)): what was acknowledged is kept; restart after checking the disk."
        case .database(let path, let detail):
            "SQLite refused an operation on \(path): \(detail)."
        case .closed(let path):
            "\(path) has been closed."
        case .unknownJob(let id):
            "There is no job \(id)."
        case .jobIsCancelled(let id):
            "Job \(id) has been cancelled and takes no more requests: retry it first."
        case .jobIsSealed(let id):
            "Job \(id) is sealed and takes no more requests: open it again first."
        case .invalidRequest(let key, let reason):
            "The request \"\(key)\" cannot be stored: \(reason)."
        case .unknownBlob(let id):
            "There is no blob \(id.rawValue): put its bytes before referring to them."
        case .damagedBlob(let id, let path):
            "The bytes in \(path) are not those of blob \(id.rawValue): the file was changed or damaged."
        case .blobTooLarge(let bytes, let limit):
            "A blob of \(bytes) bytes is larger than the limit of \(limit) bytes."
        }
    }
}

extension JobStoreError {
    /// The database or its shared memory found no room to grow.
    static func isDiskFull(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        return error.resultCode == .SQLITE_FULL || error.extendedResultCode == .SQLITE_IOERR_SHMSIZE
    }

    /// Our words for an error of SQLite; other errors pass unchanged.
    static func translating(_ error: any Error, path: String) -> any Error {
        guard let error = error as? DatabaseError else { return error }
        if isDiskFull(error) { return JobStoreError.diskFull(path: path) }
        let detail = error.message ?? error.resultCode.description
        return switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: JobStoreError.corrupt(path: path, detail: detail)
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM: JobStoreError.notWritable(path: path, reason: detail)
        case .SQLITE_IOERR: JobStoreError.inputOutput(path: path, detail: detail)
        default: JobStoreError.database(path: path, detail: detail)
        }
    }
}
