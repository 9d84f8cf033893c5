internal import Crypto
internal import Glibc

/// An open blob, read piece by piece; it can be read to its end even when it is swept meanwhile.
///
/// Bytes are not held against their hash, which only the whole has; the length is.
public final class BlobReader: Sendable {
    public let size: Int
    fileprivate let descriptor: Int32
    private let blobs: BlobStore
    private let path: String

    fileprivate init(_ id: BlobID, of blobs: BlobStore) throws {
        self.blobs = blobs
        path = blobs.path(of: id)
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            throw errno == ENOENT ? JobStoreError.unknownBlob(id) : DurableFile.failure(at: path)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            close(descriptor)
            throw DurableFile.failure(at: path)
        }
        size = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// The bytes from `offset` on: at most `count`, fewer only at the end.
    public func bytes(at offset: Int, count: Int) async throws -> [UInt8] {
        try await blobs.onFileThread { try self.read(at: offset, count: count) }
    }

    fileprivate func read(at offset: Int, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: max(min(count, size - offset), 0)) { buffer, filled in
            while filled < buffer.count {
                let got = pread(descriptor, buffer.baseAddress! + filled, buffer.count - filled, off_t(offset + filled))
                if got < 0, errno == EINTR { continue }
                guard got >= 0 else { throw DurableFile.failure(at: path) }
                if got == 0 { return }
                filled += got
            }
        }
    }
}

extension BlobStore {
    private static let chunk = 1 << 20

    /// - Throws: `.unknownBlob` if there is no such file, `.damagedBlob` if it has another length than `bytes`, where known.
    public func reader(of id: BlobID, bytes: Int? = nil) async throws -> BlobReader {
        guard id.isWellFormed else { throw JobStoreError.unknownBlob(id) }
        return try await onFileThread {
            let reader = try BlobReader(id, of: self)
            guard bytes == nil || reader.size == bytes else {
                throw JobStoreError.damagedBlob(id, path: self.path(of: id))
            }
            return reader
        }
    }

    /// Copies a blob to a file of the user's, which is there complete and synced or not at all.
    /// - Throws: `.damagedBlob` if its bytes have another hash, before anything has the name `path`.
    public func export(_ id: BlobID, bytes: Int, to path: String) async throws {
        let reader = try await reader(of: id, bytes: bytes)
        try await onFileThread {
            let partial = path + ".partial"
            let descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw DurableFile.failure(at: path) }
            do {
                defer { close(descriptor) }
                var hasher = SHA256()
                for offset in stride(from: 0, to: bytes, by: Self.chunk) {
                    let chunk = try reader.read(at: offset, count: Self.chunk)
                    hasher.update(data: chunk)
                    try DurableFile.write(chunk, to: descriptor, path: path)
                }
                guard BlobID(digest: hasher.finalize()) == id else {
                    throw JobStoreError.damagedBlob(id, path: self.path(of: id))
                }
                guard fsync(descriptor) == 0, rename(partial, path) == 0 else { throw DurableFile.failure(at: path) }
            } catch {
                unlink(partial)
                throw error
            }
            let folder = path.split(separator: "/").dropLast().joined(separator: "/")
            try DurableFile.sync(directory: path.hasPrefix("/") ? "/" + folder : folder.isEmpty ? "." : folder)
        }
    }

    /// Makes a blob of a file of the user's.
    public func take(fileAt path: String) async throws -> (id: BlobID, bytes: Int) {
        let writer = try await writer()
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw JobStoreError.inputOutput(path: path, detail: systemMessage(errno)) }
        defer { close(descriptor) }
        while true {
            let chunk = try [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, filled in
                var got = read(descriptor, buffer.baseAddress, buffer.count)
                while got < 0, errno == EINTR { got = read(descriptor, buffer.baseAddress, buffer.count) }
                guard got >= 0 else { throw JobStoreError.inputOutput(path: path, detail: systemMessage(errno)) }
                filled = got
            }
            if chunk.isEmpty { return try await writer.finish() }
            try await writer.write(chunk)
        }
    }
}
