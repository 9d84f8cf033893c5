import Dispatch

/// A bounded number of threads for work that blocks or computes for long (decoding, resizing, reading large bodies), so
/// that it never holds up the threads that serve connections.
public struct BlockingPool: Sendable {
    private let queue: DispatchQueue
    private let slots: Slots

    public init(threads: Int, label: String) {
        queue = DispatchQueue(label: label, attributes: .concurrent)
        slots = Slots(threads)
    }

    /// Runs `body` on a thread of the pool, waiting for one if all are busy. A caller that is cancelled stops waiting;
    /// what has begun goes on to its end.
    public func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await slots.withSlot {
            try await withCheckedThrowingContinuation { continuation in
                queue.async { continuation.resume(with: Swift.Result { try body() }) }
            }
        }
    }
}
