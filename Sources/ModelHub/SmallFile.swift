#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Files of a line or two: references of the cache, and tokens.
enum SmallFile {
    /// The text of the regular file at `path`; nil when there is none, or it is longer than `limit` bytes.
    static func text(at path: String, limit: Int) -> String? {
        // Not blocking, or opening a FIFO would wait for its writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= limit else {
            return nil
        }
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = read(descriptor, &buffer, limit)
        return count >= 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }

    /// Replaces the file at `path`; readers meet the old text or the new. `temporary` lies on the same file system.
    static func replace(_ path: String, with text: String, writingTo temporary: String) throws(HubError) {
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw .last(at: temporary) }
        let bytes = Array(text.utf8)
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        let failure = HubError.last(at: temporary)
        close(descriptor)
        guard isWritten else {
            unlink(temporary)
            throw failure
        }
        guard rename(temporary, path) == 0 else {
            defer { unlink(temporary) }
            throw .last(at: path)
        }
    }
}

extension HubError {
    /// What the system's last call complained of.
    static func last(at path: String) -> HubError {
        let code = errno
        return code == ENOSPC || code == EDQUOT ? .diskFull(path: path) : .unwritable(path: path, reason: reason(code))
    }

    static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
