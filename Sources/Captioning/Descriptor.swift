#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// An open file of the operating system, closed when its owner lets go of it.
struct Descriptor: ~Copyable {
    private let raw: Int32
    private let path: String

    /// `mode` is what `open(2)` takes: O_RDONLY, O_WRONLY | O_CREAT, …
    init(opening path: String, mode: Int32) throws(CaptionError) {
        raw = open(path, mode | O_CLOEXEC, 0o666)
        self.path = path
        if raw < 0 {
            let reason = Self.lastError
            throw mode & (O_WRONLY | O_RDWR) == 0
                ? .unreadable(path: path, reason: reason) : .unwritable(path: path, reason: reason)
        }
    }

    deinit { if raw >= 0 { close(raw) } }

    static var lastError: String { String(cString: strerror(errno)) }

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
                throw .unwritable(path: path, reason: Self.lastError)
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
            if errno != EINTR { throw .unreadable(path: path, reason: Self.lastError) }
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
        if fsync(raw) != 0 { throw .unwritable(path: path, reason: Self.lastError) }
    }

    func truncate(to length: Int) throws(CaptionError) {
        if ftruncate(raw, off_t(length)) != 0 { throw .unwritable(path: path, reason: Self.lastError) }
    }

    /// Takes the advisory lock that keeps two processes from writing one file; false when another has it.
    func lock() -> Bool { flock(raw, LOCK_EX | LOCK_NB) == 0 }
}
