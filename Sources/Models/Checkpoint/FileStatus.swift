#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Whether something is at a path, told apart from not being allowed to look.
struct FileStatus {
    let exists: Bool
    /// Links are followed.
    let isFolder: Bool

    /// A dangling link counts as existing: opening it then fails with an error that names it.
    init(_ path: String) throws {
        var status = stat()
        let code = lstat(path, &status) == 0 ? 0 : errno
        guard code == 0 || code == ENOENT else {
            throw ModelError.unreadable(file: path, reason: String(cString: strerror(code)))
        }
        exists = code == 0
        isFolder = exists && stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
