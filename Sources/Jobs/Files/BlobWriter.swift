internal import Crypto
internal import Glibc
internal import Synchronization

/// Bytes on their way to becoming a blob: written to a file of their own and hashed as they come, named at the end, so that
/// no more of them are in memory than were given at once.
///
/// For one task at a time. A writer that is let go of before `finish` leaves nothing behind; what a killed process leaves is
/// swept on opening.
public final class BlobWriter: Sendable {
    private struct State {
        var hasher = SHA256()
        var pending: [UInt8] = []
        var size = 0
        var isOpen = true
    }

    /// Small pieces, lines for example, are gathered to this many bytes.
    private static let chunk = 256 << 10
    private static let serial = Atomic<UInt64>(0)

    private let blobs: BlobStore
    private let path: String
    private let descriptor: Int32
    private let state = Mutex(State())

    fileprivate init(_ blobs: BlobStore) throws {
        self.blobs = blobs
        path = "\(blobs.incoming)/\(getpid())-stream-\(Self.serial.add(1, ordering: .relaxed).newValue)"
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw DurableFile.failure(at: path) }
    }

    deinit {
        if state.withLock({ $0.isOpen }) {
            close(descriptor)
            unlink(path)
        }
    }

    /// How many bytes were given so far.
    public var size: Int { state.withLock { $0.size } }

    public func write(_ bytes: [UInt8]) async throws {
        let isFull = state.withLock { state in
            state.pending += bytes
            state.size += bytes.count
            return state.pending.count >= Self.chunk
        }
        if isFull { try await blobs.onFileThread { try self.flush() } }
    }

    /// Makes what was written a blob, durably; the writer takes no more.
    public func finish() async throws -> (id: BlobID, bytes: Int) {
        let (id, bytes) = try await blobs.onFileThread { try self.seal() }
        try await blobs.note(id, bytes: bytes)
        try await blobs.onFileThread { try self.name(id, bytes: bytes) }
        return (id, bytes)
    }

    private func flush() throws {
        try state.withLock { state in
            precondition(state.isOpen, "a finished writer takes no more")
            try DurableFile.write(state.pending, to: descriptor, path: path)
            state.hasher.update(data: state.pending)
            state.pending.removeAll(keepingCapacity: true)
        }
    }

    private func seal() throws -> (BlobID, Int) {
        try flush()
        guard fsync(descriptor) == 0 else { throw DurableFile.failure(at: path) }
        return state.withLock { (BlobID(digest: $0.hasher.finalize()), $0.size) }
    }

    private func name(_ id: BlobID, bytes: Int) throws {
        let (folder, target) = (blobs.folder(of: id), blobs.path(of: id))
        try blobs.makeFolder(of: id)
        // As when blobs are put: one of another length was damaged behind our back and gives way.
        if DurableFile.size(of: target) == bytes {
            unlink(path)
        } else if rename(path, target) != 0 {
            throw DurableFile.failure(at: target)
        }
        state.withLock { $0.isOpen = false }
        close(descriptor)
        try DurableFile.sync(directory: folder)
    }
}

extension BlobStore {
    /// Begins a blob of unknown length; `sizeLimit`, which is meant for images, does not bound it.
    public func writer() async throws -> BlobWriter {
        try await onFileThread { try BlobWriter(self) }
    }
}
