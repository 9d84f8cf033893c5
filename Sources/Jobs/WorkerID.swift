/// The name under which a worker claims requests; unique among the live workers of a database.
public struct WorkerID: RawRepresentable, Hashable, Sendable {
    public let rawValue: String

    public init(rawValue: String) {
        self.rawValue = rawValue
    }
}
