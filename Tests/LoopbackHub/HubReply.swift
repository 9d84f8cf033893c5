/// What came over a connection.
public struct HubRequest: Sendable {
    public let method: String
    /// Path and query.
    public let target: String
    /// Names in lower case.
    public let headers: [String: String]
    /// How many requests for the same target, by the same method, came before this one.
    public let number: Int

    /// Where a range that was asked for begins.
    public var start: Int? {
        headers["range"].flatMap { $0.split(separator: "=").last?.split(separator: "-").first }.flatMap { Int($0) }
    }
}

/// What goes back, true or not.
public struct HubReply: Sendable {
    public enum Ending: Sendable {
        case whole
        /// The connection ends after so many bytes of the body, whatever was promised.
        case cut(after: Int)
        /// So many bytes of the body, and then nothing until the other side gives up.
        case silence(after: Int)
        /// The body, and then more and more of it, without an end that was announced.
        case never
    }

    public var status: Int
    public var headers: [String: String]
    public var body: [UInt8]
    public var ending = Ending.whole

    public init(_ status: Int, headers: [String: String] = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The same with another ending.
    public func ending(_ ending: Ending) -> HubReply {
        var reply = self
        reply.ending = ending
        return reply
    }

    /// The same with other headers. An empty `Content-Length` is not sent, and none is made up for it.
    public func with(_ headers: [String: String?]) -> HubReply {
        var reply = self
        for (name, value) in headers { reply.headers[name] = value }
        return reply
    }
}
