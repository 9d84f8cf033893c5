import Glibc
public import Jobs

/// Files and blobs of this machine; refuses addresses.
public struct LocalImageSource: ImageSource {
    private let blobs: BlobStore
    private let maxBytes: Int

    public init(blobs: BlobStore, maxBytes: Int) {
        self.blobs = blobs
        self.maxBytes = maxBytes
    }

    public func bytes(of reference: ImageReference) async throws -> [UInt8] {
        switch reference {
        case .file(let path):
            return try read(path)
        case .blob(let id):
            return try await blobs.bytes(of: id)
        case .url(let address):
            throw RequestFailure(
                code: "url_not_allowed", message: "\(address) is an address, and only local images are read here",
                isRetryable: false)
        }
    }

    /// Reads a regular file only: a pipe or a device would block or never end.
    private func read(_ path: String) throws(RequestFailure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(path, String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw unreadable(path, "it is not a regular file")
        }
        guard facts.st_size <= maxBytes else {
            throw RequestFailure(
                code: "image_too_large", message: "\(path) has \(facts.st_size) bytes; the limit is \(maxBytes)",
                isRetryable: false)
        }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(facts.st_size)) { buffer, count in
            while count < buffer.count {
                let got = Glibc.read(descriptor, buffer.baseAddress! + count, buffer.count - count)
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { break }
                count += got
            }
        }
        guard failure == 0 else { throw unreadable(path, String(cString: strerror(failure))) }
        return bytes
    }

    private func unreadable(_ path: String, _ cause: String) -> RequestFailure {
        RequestFailure(code: "image_unreadable", message: "\(path) cannot be read: \(cause)", isRetryable: false)
    }
}
