import Dispatch
import Synchronization

/// A bounded number of threads for work that blocks or computes for long (decoding, resizing), so that it never holds
/// up the threads that serve connections.
struct BlockingPool: Sendable {
    private let queue: DispatchQueue
    private let slots: Slots

    init(threads: Int) {
        queue = DispatchQueue(label: "docent.images", attributes: .concurrent)
        slots = Slots(free: max(threads, 1))
    }

    /// Runs `body` on a thread of the pool, waiting for one if all are busy.
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        await slots.acquire()
        defer { slots.release() }
        return try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try body() }) }
        }
    }

    /// A counting semaphore whose waiters suspend, first come first served.
    private final class Slots: Sendable {
        private struct State {
            var free: Int
            var waiting: [CheckedContinuation<Void, Never>] = []
        }

        private let state: Mutex<State>

        init(free: Int) { state = Mutex(State(free: free)) }

        func acquire() async {
            await withCheckedContinuation { continuation in
                let isFree = state.withLock { state in
                    guard state.free == 0 else {
                        state.free -= 1
                        return true
                    }
                    state.waiting.append(continuation)
                    return false
                }
                if isFree { continuation.resume() }
            }
        }

        func release() {
            let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
                state.free += 1
                return nil
            }
            next?.resume()
        }
    }
}
