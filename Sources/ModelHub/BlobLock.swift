#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Keeps other processes, Hugging Face's own tools among them, from fetching the same blob.
///
/// `flock` on the file that they lock; the kernel lifts it however its holder ends. A lock on a file that somebody
/// removed meanwhile excludes nobody, so the name is looked at again once it is held.
final class BlobLock: Sendable {
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// Waits for the lock at `path`. `onWait` is called once if somebody else has it.
    static func take(_ path: String, onWait: () -> Void) async throws -> BlobLock {
        var hasWaited = false
        while true {
            if let lock = try tryTaking(path) { return lock }
            if !hasWaited { onWait() }
            hasWaited = true
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Nil when somebody else has it.
    static func tryTaking(_ path: String) throws(HubError) -> BlobLock? {
        // Writable for the group: several users may share a cache.
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o664)
        guard descriptor >= 0 else { throw .last(at: path) }
        let lock = BlobLock(descriptor: descriptor)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            if code == EWOULDBLOCK || code == EINTR { return nil }
            throw .noLocks(path: path, reason: HubError.reason(code))
        }
        return isFile(descriptor, at: path) ? lock : nil
    }

    /// Whether the open file still has the name `path`.
    static func isFile(_ descriptor: Int32, at path: String) -> Bool {
        var (held, named) = (stat(), stat())
        return fstat(descriptor, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino
            && held.st_dev == named.st_dev
    }
}
