#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// What the file system says of one name.
struct FileFacts: Equatable {
    enum Kind { case file, directory, link, other }

    /// Device and inode: the same for two paths to one directory.
    struct Identity: Hashable {
        let device: UInt64
        let inode: UInt64
    }

    let kind: Kind
    let identity: Identity
    let byteCount: Int64
    /// Nanoseconds since 1970.
    let modified: Int64

    /// Nil when nothing is there, or a link that leads nowhere.
    init?(at path: String, followingLinks: Bool) {
        var status = stat()
        guard (followingLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        self.init(status)
    }

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .link
            default: .other
            }
        identity = Identity(device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(status.st_ino))
        byteCount = Int64(status.st_size)
        #if canImport(Darwin)
            let time = status.st_mtimespec
        #else
            let time = status.st_mtim
        #endif
        modified = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// The names in a directory, as bytes because Linux promises no encoding, in byte order.
enum DirectoryListing {
    static func names(in directory: String) throws(CaptionError) -> [[UInt8]] {
        guard let stream = opendir(directory) else {
            throw .unreadable(path: directory, reason: .last)
        }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        errno = 0
        while let entry = readdir(stream) {
            let name = UnsafeRawPointer(entry) + MemoryLayout<dirent>.offset(of: \.d_name)!
            let bytes = UnsafeRawBufferPointer(start: name, count: strlen(name.assumingMemoryBound(to: CChar.self)))
            if !bytes.elementsEqual(".".utf8), !bytes.elementsEqual("..".utf8) { names.append(Array(bytes)) }
            errno = 0
        }
        if errno != 0 { throw .unreadable(path: directory, reason: .last) }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// `path` as an absolute path without symbolic links; nil when it leads nowhere.
    static func canonical(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(validatingCString: resolved)
    }

    /// `path` with a canonical directory and its own last component, which may be a link.
    static func canonicalParent(_ path: String) -> String? {
        guard let slash = path.lastIndex(of: "/") else { return canonical(".").map { $0 + "/" + path } }
        let parent = slash == path.startIndex ? "/" : String(path[..<slash])
        return canonical(parent).map { ($0 == "/" ? "" : $0) + path[slash...] }
    }
}
