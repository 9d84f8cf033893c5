/// A file of a repository at one commit, with what is needed to fetch and to check it.
struct RemoteFile: Hashable, Sendable {
    let path: String
    let byteCount: Int
    let blob: BlobID

    /// 16 TiB: larger than any file, small enough that sums cannot overflow.
    static let mostBytes = 1 << 44
}

/// The hash that names a file's content in the cache and by which it is checked.
enum BlobID: Hashable, Sendable {
    /// SHA-1 of git's object: a header with the size, then the content. Small files.
    case git(String)
    /// SHA-256 of the content. Files in LFS.
    case lfs(String)

    /// From 40 or 64 hexadecimal digits.
    init?(_ text: String) {
        guard BlobID.isHash(text) else { return nil }
        self = text.utf8.count == 40 ? .git(text) : .lfs(text)
    }

    var name: String {
        switch self {
        case .git(let name), .lfs(let name): name
        }
    }

    /// Lower-case digits of a SHA-1 or a SHA-256: what a commit and a blob are called.
    static func isHash(_ text: String) -> Bool {
        (text.utf8.count == 40 || text.utf8.count == 64) && text.utf8.allSatisfy { 48...57 ~= $0 || 97...102 ~= $0 }
    }
}
