/// What one client may ask for. Only requests that make work count: those with `POST`.
public struct ClientLimits: Sendable, Hashable {
    /// On average; nil for no limit. Ten seconds' worth may come at once, at least one.
    public var requestsPerMinute: Int?
    /// Open at the same time; nil for no limit.
    public var concurrentRequests: Int?

    public init(requestsPerMinute: Int? = nil, concurrentRequests: Int? = nil) {
        self.requestsPerMinute = requestsPerMinute
        self.concurrentRequests = concurrentRequests
    }

    public static let none = ClientLimits()
}
