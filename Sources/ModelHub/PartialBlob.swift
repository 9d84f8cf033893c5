import NIOCore

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The beginning of a file that is being fetched, hashed as far as it goes. Whoever has it holds the blob's lock.
final class PartialBlob {
    let path: String
    private let file: RemoteFile
    private let descriptor: Int32
    private var digest: BlobDigest
    private(set) var byteCount = 0

    private static let bufferBytes = 1 << 20

    /// Opens what an interrupted run left, or begins anew. What is there is read, to go on with its hash.
    init(_ path: String, of file: RemoteFile) throws {
        self.path = path
        self.file = file
        digest = BlobDigest(of: file)
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else { throw HubError.last(at: path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw HubError.last(at: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw HubError.unwritable(path: path, reason: "it is not a regular file")
        }
        if status.st_size > file.byteCount { try reset() } else { try hashWhatIsThere() }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    var isComplete: Bool { byteCount == file.byteCount }

    /// The hash of what is there.
    var hash: String { digest.name }

    /// Throws everything away.
    func reset() throws(HubError) {
        guard ftruncate(descriptor, 0) == 0 else { throw .last(at: path) }
        digest = BlobDigest(of: file)
        byteCount = 0
    }

    /// Adds bytes at the end; there must be room for them within the file's size.
    func append(_ bytes: ByteBuffer) throws(HubError) {
        precondition(bytes.readableBytes <= file.byteCount - byteCount)
        var failure: HubError?
        bytes.withUnsafeReadableBytes { bytes in
            var written = 0
            while written < bytes.count, failure == nil {
                let count = pwrite(
                    descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(byteCount + written))
                if count < 0, errno != EINTR { failure = .last(at: path) }
                written += max(count, 0)
            }
            digest.update(UnsafeRawBufferPointer(rebasing: bytes[..<written]))
            byteCount += written
        }
        if let failure { throw failure }
    }

    /// Gives the complete file its name, for good when this returns.
    func publish(as final: String) throws(HubError) {
        precondition(isComplete)
        guard fsync(descriptor) == 0, rename(path, final) == 0 else { throw .last(at: final) }
        let folder = open(
            String(final[..<(final.lastIndex(of: "/") ?? final.endIndex)]), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw .last(at: final) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw .last(at: final) }
    }

    func remove() { unlink(path) }

    private func hashWhatIsThere() throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferBytes, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            try Task.checkCancellation()
            let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(byteCount))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw HubError.unwritable(path: path, reason: HubError.reason(errno)) }
            if count == 0 { return }
            digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            byteCount += count
        }
    }
}
