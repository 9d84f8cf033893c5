import Foundation
import Synchronization

/// A hub on this machine, and the host that keeps its large files, which tell the truth until a test lets them lie.
public final class LoopbackHub: Sendable {
    /// Makes of what an honest hub would answer what this one does.
    public typealias Script = @Sendable (HubRequest, HubReply) -> HubReply

    private let hub: LoopbackListener
    private let files: LoopbackListener

    /// - Parameters:
    ///   - onHub: answers of the hub itself.
    ///   - onFiles: answers of the host to which it redirects.
    public init(
        _ repository: HubRepository, onHub: @escaping Script = { $1 }, onFiles: @escaping Script = { $1 }
    ) throws {
        let files = try LoopbackListener { onFiles($0, Self.content($0, repository)) }
        let place = files.url
        hub = try LoopbackListener { onHub($0, Self.answer($0, repository, place: place)) }
        self.files = files
    }

    public var url: String { hub.url }
    /// The other host.
    public var filesURL: String { files.url }

    /// Requests in the order in which they came.
    public var requests: [HubRequest] { hub.requests }
    public var fileRequests: [HubRequest] { files.requests }

    public func stop() {
        hub.stop()
        files.stop()
    }

    private static func answer(_ request: HubRequest, _ repository: HubRepository, place: String) -> HubReply {
        let parts = request.target.split(separator: "?", maxSplits: 1).map(String.init)
        if parts[0].hasPrefix("/api/models/\(repository.id)/revision/") {
            return HubReply(200, body: repository.listing(blobs: parts.last == "blobs=true"))
        }
        let prefix = "/\(repository.id)/resolve/\(repository.commit)/"
        guard parts[0].hasPrefix(prefix), let path = String(parts[0].dropFirst(prefix.count)).removingPercentEncoding,
            let content = repository.files[path]
        else { return HubReply(404, headers: ["X-Error-Code": "EntryNotFound"]) }
        let tag = "\"\(repository.blobName(of: path))\""
        guard HubRepository.isLFS(path) else {
            return part(of: content, for: request).with(["X-Repo-Commit": repository.commit, "ETag": tag])
        }
        return HubReply(
            302,
            headers: [
                "Location": "\(place)/\(repository.blobName(of: path))?signature=s3cret",
                "X-Repo-Commit": repository.commit,
                "X-Linked-ETag": tag, "X-Linked-Size": "\(content.count)",
            ])
    }

    private static func content(_ request: HubRequest, _ repository: HubRepository) -> HubReply {
        let name = request.target.dropFirst().prefix { $0 != "?" }
        guard let path = repository.files.keys.first(where: { repository.blobName(of: $0) == name }) else {
            return HubReply(404)
        }
        return part(of: repository.files[path] ?? [], for: request)
    }

    private static func part(of content: [UInt8], for request: HubRequest) -> HubReply {
        guard let start = request.start else { return HubReply(200, body: content) }
        guard start < content.count else {
            return HubReply(416, headers: ["Content-Range": "bytes */\(content.count)"])
        }
        return HubReply(
            206, headers: ["Content-Range": "bytes \(start)-\(content.count - 1)/\(content.count)"],
            body: Array(content[start...]))
    }
}
