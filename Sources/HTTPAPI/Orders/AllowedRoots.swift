import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The directories of this machine that clients may have captioned and look into; everything else is closed to them.
///
/// Paths are compared as they are without symbolic links, byte by byte, so that neither "..", nor a link, nor another
/// spelling of a letter leads out.
public struct AllowedRoots: Sendable, Hashable {
    /// Absolute, without symbolic links.
    public let paths: [String]

    /// No directory at all.
    public init() { paths = [] }

    /// - Throws: `NoDirectory` for the first of `directories` that is none.
    public init(_ directories: [String]) throws(NoDirectory) {
        var paths: [String] = []
        for directory in directories {
            guard let path = Self.canonical(directory), Self.isDirectory(path) else {
                throw NoDirectory(path: directory)
            }
            paths.append(path)
        }
        self.paths = paths
    }

    public struct NoDirectory: Error, Sendable, Hashable, CustomStringConvertible {
        public let path: String
        public var description: String { "\(path) is not a directory" }
    }

    public var isEmpty: Bool { paths.isEmpty }

    /// Where `path` leads, without symbolic links; nil when it leads nowhere or out of every root.
    public func resolve(_ path: String) -> String? {
        guard path.utf8.first == UInt8(ascii: "/"), !path.utf8.contains(0), let real = Self.canonical(path),
            contains(real)
        else { return nil }
        return real
    }

    /// Whether `path`, absolute and without symbolic links, is one of the roots or below one.
    public func contains(_ path: String) -> Bool {
        paths.contains { root in
            let root = root.utf8, path = path.utf8
            guard path.starts(with: root) else { return false }
            return root.count == 1 || path.count == root.count
                || path.dropFirst(root.count).first == UInt8(ascii: "/")
        }
    }

    static func isDirectory(_ path: String) -> Bool {
        var isDirectory = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
    }

    private static func canonical(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(validatingCString: resolved)
    }
}
