/// The row of a request. Never used twice in one database, not even after pruning.
public struct RequestID: RawRepresentable, Hashable, Sendable, Codable {
    public let rawValue: Int64

    public init(rawValue: Int64) {
        self.rawValue = rawValue
    }
}
