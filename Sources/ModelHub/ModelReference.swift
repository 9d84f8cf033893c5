/// A model by its name on a hub: `OWNER/NAME`, or one of its files, `OWNER/NAME/FILE.gguf`; `@REVISION` may follow.
public struct ModelReference: Sendable, Hashable, CustomStringConvertible {
    /// "OWNER/NAME", spelled as it was given.
    public let repository: String
    /// A single file to use instead of the checkpoint.
    public let file: String?
    /// A branch, a tag, `refs/pr/1` or a commit.
    public let revision: String

    public static let defaultRevision = "main"
    /// The hub's own limit for either part of a name.
    private static let longestName = 96
    private static let longestRevision = 200

    public init(_ text: String) throws(HubError) {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let names = parts[0].split(separator: "/", omittingEmptySubsequences: false)
        guard names.count >= 2, names.prefix(2).allSatisfy(Self.isName) else {
            throw .badReference(
                text, reason: "it should look like OWNER/NAME, OWNER/NAME/FILE.gguf or OWNER/NAME@REVISION")
        }
        repository = names.prefix(2).joined(separator: "/")
        let file = names.dropFirst(2).joined(separator: "/")
        if names.count > 2, let problem = RemotePath.problem(with: file) {
            throw .badReference(text, reason: "its file name \(problem)")
        }
        self.file = names.count > 2 ? file : nil
        revision = parts.count > 1 ? String(parts[1]) : Self.defaultRevision
        if let problem = RemotePath.problem(with: revision) {
            throw .badReference(text, reason: "its revision \(problem)")
        }
        guard revision.utf8.count <= Self.longestRevision else {
            throw .badReference(text, reason: "its revision is longer than \(Self.longestRevision) bytes")
        }
    }

    public var description: String {
        repository + (file.map { "/" + $0 } ?? "") + (revision == Self.defaultRevision ? "" : "@" + revision)
    }

    /// What hubs allow: letters, digits, `-`, `_` and `.`, neither `--` nor `..`, no `-` or `.` at either end.
    private static func isName(_ name: Substring) -> Bool {
        let isPlain = name.utf8.allSatisfy {
            48...57 ~= $0 || 65...90 ~= $0 || 97...122 ~= $0 || "-_.".utf8.contains($0)
        }
        let ends = [name.first, name.last]
        return isPlain && !name.isEmpty && name.utf8.count <= longestName && !name.contains("--")
            && !name.contains("..") && !ends.contains("-") && !ends.contains(".")
    }
}
