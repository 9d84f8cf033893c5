internal import Glibc

/// Where a database is, links followed: two names of one database must meet at one lock.
struct DatabasePath {
    let full: String
    let directory: String

    /// The file need not be there, its folder must.
    init(_ path: String) throws {
        if let target = Self.canonical(path) {
            (full, directory) = (target, Self.parent(of: target))
            return
        }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        guard let folder = Self.canonical(path.contains("/") ? Self.parent(of: path) : ".") else {
            throw JobStoreError.notWritable(path: path, reason: "its folder: " + systemMessage(errno))
        }
        (full, directory) = (folder == "/" ? "/" + name : folder + "/" + name, folder)
    }

    private static func canonical(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func parent(of path: String) -> String {
        let folder = path.split(separator: "/").dropLast().joined(separator: "/")
        return path.hasPrefix("/") ? "/" + folder : folder
    }
}
