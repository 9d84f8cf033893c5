import Dispatch
import Synchronization

/// A bounded number of threads for work that blocks or computes for long (decoding, resizing, reading large bodies), so
/// that it never holds up the threads that serve connections.
///
/// Each thread is a serial queue: a concurrent one takes its threads from the very pool that Swift's tasks run on, where two
/// large images on a machine with two cores stop everything else, lease renewals and progress included.
public struct BlockingPool: Sendable {
    private let slots: Slots
    private let threads: Threads

    public init(threads: Int) {
        slots = Slots(threads)
        self.threads = Threads(max(threads, 1))
    }

    /// Runs `body` on a thread of the pool, waiting for one if all are busy. A caller that is cancelled stops waiting;
    /// what has begun goes on to its end.
    public func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await slots.withSlot {
            let queue = threads.take()
            defer { threads.giveBack(queue) }
            return try await withCheckedThrowingContinuation { continuation in
                queue.async { continuation.resume(with: Swift.Result { try body() }) }
            }
        }
    }

    /// As many queues as there are slots, so whoever has a slot finds one.
    private final class Threads: Sendable {
        private let free: Mutex<[DispatchQueue]>

        init(_ count: Int) { free = Mutex((0..<count).map { DispatchQueue(label: "docent.blocking.\($0)") }) }

        func take() -> DispatchQueue { free.withLock { $0.removeLast() } }
        func giveBack(_ queue: DispatchQueue) { free.withLock { $0.append(queue) } }
    }
}
