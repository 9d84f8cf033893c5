#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Reads an image's bytes from disk without trusting the path.
public enum ImageFile {
    /// The whole of the regular file at `path`. A FIFO, device or directory is refused before it can block or never
    /// end; a file over the byte limit is refused before it is read.
    public static func contents(of path: String, limits: ImageLimits) throws(ImageError) -> [UInt8] {
        guard !path.utf8.contains(0) else { throw .unreadable(name: path, cause: "the path contains a NUL byte") }
        let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { throw .unreadable(name: path, cause: String(cString: strerror(errno))) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else {
            throw .unreadable(name: path, cause: String(cString: strerror(errno)))
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(name: path, cause: "it is not a regular file")
        }
        let size = Int(status.st_size)
        try limits.check(byteCount: size, name: path)
        // One byte more than the file had: filling it means that somebody is still writing.
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size + 1) { buffer, count in
            (count, failure) = fill(UnsafeMutableRawBufferPointer(buffer), from: file)
        }
        guard failure == 0 else { throw .unreadable(name: path, cause: String(cString: strerror(failure))) }
        guard bytes.count == size else { throw .unreadable(name: path, cause: "its length changed while it was read") }
        return bytes
    }

    /// Reads until `buffer` is full, the file ends or an error (0 for none).
    private static func fill(
        _ buffer: UnsafeMutableRawBufferPointer, from file: Int32
    ) -> (count: Int, failure: Int32) {
        var count = 0
        while count < buffer.count {
            let step = read(file, buffer.baseAddress! + count, buffer.count - count)
            if step < 0, errno == EINTR { continue }
            if step < 0 { return (count, errno) }
            if step == 0 { break }
            count += step
        }
        return (count, 0)
    }
}
