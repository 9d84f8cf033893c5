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
    static func write(_ content: [UInt8], to path: String) throws(CaptionError) {
        let temporary = temporaryPath(for: path)
        do {
            let file = try Descriptor(opening: temporary, mode: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
            try file.write(content)
            try file.synchronise()
        } catch {
            unlink(temporary)
            throw error
        }
        if rename(temporary, path) != 0 {
            let reason = Descriptor.lastError
            unlink(temporary)
            throw .unwritable(path: path, reason: reason)
        }
        try Descriptor(opening: directory(of: path), mode: O_RDONLY | O_DIRECTORY).synchronise()
    }

    /// Removes the file and what an interrupted write of it may have left; neither needs to exist.
    static func remove(_ path: String) throws(CaptionError) {
        unlink(temporaryPath(for: path))
        if unlink(path) != 0, errno != ENOENT { throw .unwritable(path: path, reason: Descriptor.lastError) }
    }

    /// The content of the file; nil when there is none.
    static func content(of path: String) throws(CaptionError) -> [UInt8]? {
        if access(path, F_OK) != 0 { return nil }
        return try Descriptor(opening: path, mode: O_RDONLY).readToEnd()
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
