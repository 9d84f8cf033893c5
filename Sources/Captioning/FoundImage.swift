/// A file that the walker found, as it was at that moment.
public struct FoundImage: Sendable, Hashable {
    /// How rows and people name it: relative to the directory given on the command line; as given for a file given by name.
    public let path: String
    /// The directory that `path` is relative to: absolute and without symbolic links.
    public let root: String
    /// Absolute path for opening, and beside which sidecars go; only its last component may be a symbolic link.
    public let location: String
    public let byteCount: Int64
    /// Last modification, in nanoseconds since 1970.
    public let modified: Int64

    public init(path: String, root: String, location: String, byteCount: Int64, modified: Int64) {
        self.path = path
        self.root = root
        self.location = location
        self.byteCount = byteCount
        self.modified = modified
    }

    /// Its request's key in the job. A changed file has another key, so its old caption stays on record and it is done
    /// again; `Self.path(ofKey:)` finds the versions of one path.
    public var key: String { "\(path)?bytes=\(byteCount)&modified=\(modified)" }

    static func path(ofKey key: String) -> Substring {
        guard let mark = key.lastIndex(of: "?"), key[mark...].hasPrefix("?bytes=") else { return key[...] }
        return key[..<mark]
    }
}
