import Compute

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A regular file of a checkpoint, mapped read-only: weights are paged in as they are used and shared between
/// processes.
///
/// Links are followed (hub caches are made of them), but only to regular files: a FIFO or a device would hang or never
/// end. A file that shrinks while it is mapped kills the process (SIGBUS), as with every mapping: checkpoints are
/// replaced by renaming, not by writing into them.
struct MappedFile: Sendable {
    let path: String
    /// The whole file.
    let storage: Storage
    /// When the contents were last changed, in seconds since 1970.
    let modified: Int

    var byteCount: Int { storage.byteCount }
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: storage.address, count: byteCount) }

    /// Maps `path`; an empty file is an error, because nothing in a checkpoint is.
    init(_ path: String) throws {
        // Not blocking, or opening a FIFO would wait for its writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw ModelError.unreadable(file: path, reason: Self.reason(errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw ModelError.unreadable(file: path, reason: Self.reason(errno))
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ModelError.unreadable(file: path, reason: "it is not a regular file")
        }
        let byteCount = Int(status.st_size)
        guard byteCount > 0 else { throw ModelError.unreadable(file: path, reason: "it is empty") }
        guard let address = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw ModelError.unreadable(file: path, reason: Self.reason(errno))
        }
        self.path = path
        storage = Storage(address: address, byteCount: byteCount) { munmap($0, $1) }
        #if canImport(Darwin)
            modified = status.st_mtimespec.tv_sec
        #else
            modified = status.st_mtim.tv_sec
        #endif
    }

    /// Gives the pages of `range` back to the system; they are read again when touched.
    ///
    /// A fault maps what is cached of the 64 KiB around it, so these go as a whole: of 471 small tensors that were only
    /// copied from, 100 MB would stay otherwise. A neighbour that is in use comes back by itself.
    func release(_ range: Range<Int>) {
        let first = range.lowerBound / Self.faultBytes * Self.faultBytes
        let end = min(byteCount, (range.upperBound + Self.faultBytes - 1) / Self.faultBytes * Self.faultBytes)
        if first < end { madvise(storage.address + first, end - first, MADV_DONTNEED) }
    }

    /// What Linux maps around a fault; whole pages on every system.
    private static let faultBytes = 64 << 10

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
