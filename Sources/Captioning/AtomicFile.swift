import Models

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Replaces a file so that a reader, or a crash at any moment, meets the old content or the new, never a part of it.
///
/// The content goes to a temporary file in the same directory, is synced and takes the name by `rename`; then the directory
/// is synced. The temporary name depends on the final name alone: whoever is killed in between leaves one file behind,
/// which the next write of the same name takes over, so that nothing needs sweeping.
enum AtomicFile {
    /// A symbolic link stays one: the file that it leads to is replaced.
    static func write(_ content: [UInt8], to path: String) throws(CaptionError) {
        let path = target(of: path)
        let temporary = temporaryPath(for: path)
        do {
            let file = try Descriptor(opening: temporary, mode: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
            try file.write(content)
            try file.synchronise()
        } catch {
            unlink(temporary)
            throw error
        }
        do { try move(temporary, to: path) } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Gives a file that is on the disk the name `path`, for good when this returns.
    static func move(_ file: String, to path: String) throws(CaptionError) {
        if rename(file, path) != 0 { throw .unwritable(path: path, reason: .last) }
        try synchroniseDirectory(of: path)
    }

    /// Names in the directory of `path` are on the disk when this returns, that of a new file too.
    static func synchroniseDirectory(of path: String) throws(CaptionError) {
        try Descriptor(opening: directory(of: path), mode: O_RDONLY | O_DIRECTORY).synchronise()
    }

    /// Throws what a write of `path` would throw, as far as that can be known without trying.
    static func checkWritable(_ path: String) throws(CaptionError) {
        let path = target(of: path)
        if access(path, F_OK) != 0, errno != ENOENT { throw .unwritable(path: path, reason: .last) }
        if FileFacts(at: path, followingLinks: true)?.kind == .directory {
            throw .unwritable(path: path, reason: SystemError(EISDIR))
        }
        if access(directory(of: path), W_OK | X_OK) != 0 { throw .unwritable(path: path, reason: .last) }
    }

    /// Removes the file and what an interrupted write of it may have left; neither needs to exist.
    static func remove(_ path: String) throws(CaptionError) {
        unlink(temporaryPath(for: path))
        if unlink(path) != 0, errno != ENOENT { throw .unwritable(path: path, reason: .last) }
    }

    /// The content of the file; nil when there is none.
    static func content(of path: String) throws(CaptionError) -> [UInt8]? {
        if access(path, F_OK) != 0, errno == ENOENT { return nil }
        // Nobody may be waited for, should it be a pipe.
        return try Descriptor(opening: path, mode: O_RDONLY | O_NONBLOCK).readToEnd()
    }

    /// `path`, or the file behind it when it is a symbolic link that leads to one.
    static func target(of path: String) -> String {
        guard FileFacts(at: path, followingLinks: false)?.kind == .link else { return path }
        return DirectoryListing.canonical(path) ?? path
    }

    /// Hashed, because the name of an image may already be as long as the file system allows.
    static func temporaryPath(for path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        return directory(of: path) + "/.docent-" + ContentHash(of: name.utf8).description.prefix(16) + ".tmp"
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
