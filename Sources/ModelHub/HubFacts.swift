import NIOCore
import NIOHTTP1

/// What the hub's headers say of a file. Only the hub's own answers count: a content host knows nothing of commits.
struct HubFacts: Hashable, Sendable {
    /// The commit that the answer belongs to (`X-Repo-Commit`).
    private(set) var commit: String?
    /// The blob: `X-Linked-ETag` of a file in LFS, else `ETag`.
    private(set) var etag: String?
    /// `X-Linked-Size` of a file in LFS, else the length of the answer itself.
    private(set) var byteCount: Int?

    /// Takes in one more answer on the way to the file; what came before stays where this one is silent.
    mutating func add(_ headers: HTTPHeaders, isContent: Bool) {
        commit = headers.first(name: "x-repo-commit") ?? commit
        let tag = headers.first(name: "x-linked-etag") ?? (isContent ? headers.first(name: "etag") : nil)
        if let tag { etag = Self.strong(tag) }
        let size = headers.first(name: "x-linked-size") ?? (isContent ? headers.first(name: "content-length") : nil)
        if let size { byteCount = Int(size) }
    }

    /// A tag without its quotes, and without the mark of a weak one.
    private static func strong(_ tag: String) -> String {
        let tag = tag.hasPrefix("W/") ? tag.dropFirst(2) : tag[...]
        return String(tag.count >= 2 && tag.hasPrefix("\"") && tag.hasSuffix("\"") ? tag.dropFirst().dropLast() : tag)
    }
}

/// Where a part lies in its file (`Content-Range`, RFC 9110).
struct ContentRange: Hashable, Sendable {
    let start: Int
    /// Of the whole file; nil where the host does not say.
    let total: Int?

    init?(_ text: String) {
        guard text.hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst("bytes ".count).split(separator: "/")
        guard parts.count == 2,
            let start = parts[0].split(separator: "-", omittingEmptySubsequences: false).first.flatMap({ Int($0) }),
            parts[1] == "*" || Int(parts[1]) != nil
        else { return nil }
        self.start = start
        total = Int(parts[1])
    }
}

/// The wait that an answer asks for, in seconds: `Retry-After` as a number, or what is left of a window of the hub's rate
/// limits (`RateLimit: "api";r=0;t=55`).
enum RequestedWait {
    static func seconds(_ headers: HTTPHeaders) -> Int? {
        if let seconds = headers.first(name: "retry-after").flatMap({ Int($0) }), seconds >= 0 { return seconds }
        guard let limit = headers.first(name: "ratelimit") else { return nil }
        return limit.split(separator: ";").lazy.compactMap { part -> Int? in
            let pair = part.split(separator: "=")
            return pair.count == 2 && pair[0].drop(while: \.isWhitespace) == "t" ? Int(pair[1]) : nil
        }.first { $0 >= 0 }
    }
}
