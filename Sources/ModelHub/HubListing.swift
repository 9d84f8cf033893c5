import Models

/// The files of a repository at one commit, as the hub lists them. Every name in it is safe to use as a path.
struct HubListing: Sendable {
    struct Entry: Hashable, Sendable {
        let path: String
        /// Hubs that are only compatible may not tell these two; each file is asked for them then.
        var byteCount: Int?
        var blob: BlobID?
    }

    /// What every file is fetched at, whatever becomes of the branch meanwhile.
    let commit: String
    let entries: [Entry]

    /// Twenty thousand files, of 300 bytes each; checkpoints have some hundreds.
    static let longestText = 6 << 20
    private static let mostValues = 1_000_000

    /// Reads the answer of `/api/models/OWNER/NAME/revision/REVISION?blobs=true`.
    init(_ text: [UInt8], from url: String) throws {
        func bad(_ reason: String) -> HubError { .badListing(url: url, reason: reason) }
        let value: JSONValue
        do {
            value = try text.withUnsafeBytes { try JSONValue.parse($0, name: "it", mostValues: Self.mostValues) }
        } catch {
            throw bad("\(error)")
        }
        guard case .object(let members) = value, case .string(let commit) = members["sha"], BlobID.isHash(commit) else {
            throw bad("it names no commit")
        }
        guard case .array(let siblings) = members["siblings"] else { throw bad("it has no files") }
        var seen: Set<String> = []
        entries = try siblings.map { sibling in
            guard case .object(let members) = sibling, case .string(let path) = members["rfilename"] else {
                throw bad("a file has no name")
            }
            if let problem = RemotePath.problem(with: path) { throw bad("the name of \(path.prefix(200)) \(problem)") }
            guard seen.insert(path).inserted else { throw bad("it names \(path) twice") }
            do throws(BadEntry) { return try Self.entry(path, members) } catch { throw bad("\(path) \(error.reason)") }
        }
        self.commit = commit
    }

    private struct BadEntry: Error {
        let reason: String
    }

    private static func entry(_ path: String, _ members: JSONObject) throws(BadEntry) -> Entry {
        var entry = Entry(path: path)
        if case .object(let lfs) = members["lfs"] {
            entry.byteCount = try size(lfs["size"] ?? members["size"])
            guard case .string(let hash) = lfs["sha256"], case .lfs = BlobID(hash) else {
                throw BadEntry(reason: "has no SHA-256")
            }
            entry.blob = .lfs(hash)
            return entry
        }
        entry.byteCount = try size(members["size"])
        if case .string(let hash) = members["blobId"] {
            guard case .git = BlobID(hash) else { throw BadEntry(reason: "has a blob id that is no hash of git") }
            entry.blob = .git(hash)
        }
        return entry
    }

    private static func size(_ value: JSONValue?) throws(BadEntry) -> Int? {
        switch value {
        case nil, .null: return nil
        case .integer(let size) where 0...RemoteFile.mostBytes ~= size: return size
        default: throw BadEntry(reason: "has a size that cannot be")
        }
    }
}
