#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// An open file of the operating system, closed when its owner lets go of it.
struct Descriptor: ~Copyable {
    private let raw: Int32
    private let path: String
    private var isLocked = false

    /// `mode` is what `open(2)` takes: O_RDONLY, O_WRONLY | O_CREAT, …
    init(opening path: String, mode: Int32) throws(CaptionError) {
        raw = open(path, mode | O_CLOEXEC, 0o666)
        self.path = path
        if raw < 0 {
            let reason = SystemError.last
            throw mode & (O_WRONLY | O_RDWR) == 0
                ? .unreadable(path: path, reason: reason) : .unwritable(path: path, reason: reason)
        }
    }

    deinit {
        guard raw >= 0 else { return }
        // Closing is not enough: a child process that is just being started shares the open file until it runs its program.
        if isLocked { flock(raw, LOCK_UN) }
        close(raw)
    }

    /// All of `bytes`, at the place that the file's mode says.
    func write(_ bytes: [UInt8]) throws(CaptionError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                #if canImport(Darwin)
                    Darwin.write(raw, buffer.baseAddress! + written, buffer.count - written)
                #else
                    Glibc.write(raw, buffer.baseAddress! + written, buffer.count - written)
                #endif
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw .unwritable(path: path, reason: .last)
            }
            written += count
        }
    }

    /// The next at most `limit` bytes; empty at the end.
    func read(upTo limit: Int) throws(CaptionError) -> [UInt8] {
        while true {
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, initialised in
                #if canImport(Darwin)
                    count = Darwin.read(raw, buffer.baseAddress, limit)
                #else
                    count = Glibc.read(raw, buffer.baseAddress, limit)
                #endif
                initialised = max(count, 0)
            }
            if count >= 0 { return bytes }
            if errno != EINTR { throw .unreadable(path: path, reason: .last) }
        }
    }

    func readToEnd() throws(CaptionError) -> [UInt8] {
        var content: [UInt8] = []
        while true {
            let piece = try read(upTo: 1 << 18)
            if piece.isEmpty { return content }
            content += piece
        }
    }

    /// Returns when the content is on the disk.
    func synchronise() throws(CaptionError) {
        if fsync(raw) != 0 { throw .unwritable(path: path, reason: .last) }
    }

    func truncate(to length: Int) throws(CaptionError) {
        if ftruncate(raw, off_t(length)) != 0 { throw .unwritable(path: path, reason: .last) }
    }

    /// Whether `path` leads to this file, and not to one that took the name since it was opened.
    func isStill(at path: String) -> Bool {
        var status = stat()
        guard fstat(raw, &status) == 0 else { return false }
        return FileFacts(status).identity == FileFacts(at: path, followingLinks: true)?.identity
    }

    /// Takes the advisory lock that keeps two processes from writing one file; false when another has it.
    mutating func lock() -> Bool {
        isLocked = flock(raw, LOCK_EX | LOCK_NB) == 0
        return isLocked
    }
}
