import Dispatch
import Synchronization

/// A bounded number of threads for work that blocks or computes for long (decoding, resizing), so that it never holds
/// up the threads that serve connections.
///
/// Each thread is a serial queue: a concurrent one takes its threads from the very pool that Swift's tasks run on, where two
/// large images on a machine with two cores stop everything else, lease renewals and progress included.
struct BlockingPool: Sendable {
    private let slots: Slots

    init(threads: Int) {
        slots = Slots(free: (0..<max(threads, 1)).map { DispatchQueue(label: "docent.images.\($0)") })
    }

    /// Runs `body` on a thread of the pool, waiting for one if all are busy.
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        let queue = await slots.acquire()
        defer { slots.release(queue) }
        return try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try body() }) }
        }
    }

    /// Hands out the queues; those who wait for one suspend, first come first served.
    private final class Slots: Sendable {
        private struct State {
            var free: [DispatchQueue]
            var waiting: [CheckedContinuation<DispatchQueue, Never>] = []
        }

        private let state: Mutex<State>

        init(free: [DispatchQueue]) { state = Mutex(State(free: free)) }

        func acquire() async -> DispatchQueue {
            await withCheckedContinuation { continuation in
                let queue = state.withLock { state in
                    let queue = state.free.popLast()
                    if queue == nil { state.waiting.append(continuation) }
                    return queue
                }
                if let queue { continuation.resume(returning: queue) }
            }
        }

        func release(_ queue: DispatchQueue) {
            let next = state.withLock { state -> CheckedContinuation<DispatchQueue, Never>? in
                guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
                state.free.append(queue)
                return nil
            }
            next?.resume(returning: queue)
        }
    }
}
