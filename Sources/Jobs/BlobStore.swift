internal import Dispatch
internal import GRDB
internal import Glibc
internal import Synchronization

/// Content-addressed files beside the database: `<database>.blobs/ab/cdef…`, named by the sha256 of their bytes.
///
/// A file appears under its name complete and synced, or not at all. Its row is committed first, so that a sweep, which
/// decides and unlinks inside one operation of the writer, sees that the blob is in use.
public final class BlobStore: Sendable {
    public let sizeLimit: Int
    private let directory: String
    let queue: CommitQueue
    private let files = DispatchQueue(label: "jobs.blobs", attributes: .concurrent)
    /// Folders whose names this process has seen on the disk.
    private let durableFolders = Mutex<Set<String>>([])

    init(directory: String, sizeLimit: Int, queue: CommitQueue) throws {
        self.directory = directory
        self.sizeLimit = sizeLimit
        self.queue = queue
        try DurableFile.makeDirectory(directory)
        try DurableFile.makeDirectory(incoming)
        // We hold the database's lock: whatever lies here was left by a process that died while writing it.
        for name in DurableFile.names(in: incoming) { unlink(incoming + "/" + name) }
    }

    /// Stores bytes durably and returns their name; bytes that are known already are not written again.
    public func put(_ bytes: [UInt8]) async throws -> BlobID {
        guard bytes.count <= sizeLimit else {
            throw JobStoreError.blobTooLarge(bytes: bytes.count, limit: sizeLimit)
        }
        let id = try await onFileThread { BlobID(hashing: bytes) }
        try await note(id, bytes: bytes.count)
        try await onFileThread { try self.write(bytes, as: id) }
        return id
    }

    /// Commits a blob's row, as a sweep must see it before the file gets its name.
    func note(_ id: BlobID, bytes: Int) async throws {
        try await queue.perform(addsWork: true) { transaction in
            try transaction.change(
                """
                INSERT INTO blob (id, size, last_used_at) VALUES (?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET last_used_at = excluded.last_used_at
                """, [id.rawValue, bytes, transaction.now.milliseconds])
        }
    }

    /// The bytes of a blob, verified.
    /// - Throws: `.unknownBlob` if there is no such file, `.damagedBlob` if its bytes have another hash.
    public func bytes(of id: BlobID) async throws -> [UInt8] {
        guard id.isWellFormed else { throw JobStoreError.unknownBlob(id) }
        return try await onFileThread {
            let path = self.path(of: id)
            guard let bytes = try DurableFile.contents(of: path) else { throw JobStoreError.unknownBlob(id) }
            guard BlobID(hashing: bytes) == id else { throw JobStoreError.damagedBlob(id, path: path) }
            return bytes
        }
    }

    func path(of id: BlobID) -> String { "\(folder(of: id))/\(id.rawValue.dropFirst(2))" }

    /// Removes a file; the caller is the writer, in the transaction that removes the row.
    func remove(_ id: BlobID) { unlink(path(of: id)) }

    var incoming: String { directory + "/incoming" }

    func folder(of id: BlobID) -> String { "\(directory)/\(id.rawValue.prefix(2))" }

    /// Makes the folder of a blob. It is a name on the disk when this returns, whoever made it: another thread may not have
    /// synced it yet, a process that was killed never did.
    func makeFolder(of id: BlobID) throws {
        let folder = folder(of: id)
        guard !durableFolders.withLock({ $0.contains(folder) }) else { return }
        try DurableFile.makeDirectory(folder)
        durableFolders.withLock { _ = $0.insert(folder) }
    }

    private func write(_ bytes: [UInt8], as id: BlobID) throws {
        let folder = folder(of: id)
        try makeFolder(of: id)
        // A file of another length was damaged behind our back: put a good one in its place.
        guard DurableFile.size(of: path(of: id)) != bytes.count else { return try DurableFile.sync(directory: folder) }
        try DurableFile.write(bytes, to: path(of: id), by: incoming, sync: folder)
    }

    func onFileThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            files.async { continuation.resume(with: Result { try body() }) }
        }
    }
}
