import NIOCore

/// How slowly a request's body may come: `patience`, and a second more for every `bytesPerSecond` that have come.
struct BodyPace: Sendable {
    var patience: Duration
    var bytesPerSecond: Int

    /// The time that a body may have taken of which `bytes` have come.
    func limit(after bytes: Int) -> TimeAmount {
        .init(patience) + .nanoseconds(Int64(Double(bytes) / Double(bytesPerSecond) * 1e9))
    }
}
