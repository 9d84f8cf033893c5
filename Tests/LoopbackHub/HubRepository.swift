import Crypto
import Foundation

/// What a hub serves: files at one commit.
public struct HubRepository: Sendable {
    public var id: String
    public var commit: String
    public var files: [String: [UInt8]]

    public init(
        id: String = "owner/model", commit: String = String(repeating: "a1", count: 20), files: [String: [UInt8]]
    ) {
        self.id = id
        self.commit = commit
        self.files = files
    }

    /// Large files are in LFS, as on the real hub: named by SHA-256 and kept by another host.
    public static func isLFS(_ path: String) -> Bool { path.hasSuffix(".safetensors") || path.hasSuffix(".gguf") }

    public func blobName(of path: String) -> String {
        let content = files[path] ?? []
        return Self.isLFS(path)
            ? hexadecimal(SHA256.hash(data: content))
            : hexadecimal(Insecure.SHA1.hash(data: Array("blob \(content.count)\0".utf8) + content))
    }

    /// The answer of `/api/models/ID/revision/REVISION?blobs=true`; without `blobs` only names are told.
    func listing(blobs: Bool) -> [UInt8] {
        let siblings = files.keys.sorted().map { path -> [String: Any] in
            var entry: [String: Any] = ["rfilename": path]
            guard blobs else { return entry }
            let size = files[path]?.count ?? 0
            entry["size"] = size
            entry["blobId"] = String(repeating: "c", count: 40)
            if Self.isLFS(path) {
                entry["lfs"] = ["sha256": blobName(of: path), "size": size, "pointerSize": 134]
            } else {
                entry["blobId"] = blobName(of: path)
            }
            return entry
        }
        let object: [String: Any] = ["id": id, "sha": commit, "private": false, "siblings": siblings]
        return Array((try? JSONSerialization.data(withJSONObject: object, options: .sortedKeys)) ?? Data())
    }

    private func hexadecimal(_ digest: some Sequence<UInt8>) -> String {
        digest.map { String(format: "%02x", $0) }.joined()
    }
}
