import Synchronization

/// A bounded number of places for work, of which a piece takes one or many; who finds too few free suspends and is served
/// in order of arrival, or leaves the line when cancelled.
public final class Slots: Sendable {
    private typealias Continuation = CheckedContinuation<Void, any Error>

    private struct State {
        var free: Int
        var lastWaiter = 0
        var waiting: [(number: Int, count: Int, continuation: Continuation)] = []

        /// Those at the head of the line for whom there are places, which are theirs now.
        mutating func serve() -> [Continuation] {
            var served: [Continuation] = []
            while let first = waiting.first, first.count <= free {
                free -= first.count
                served.append(waiting.removeFirst().continuation)
            }
            return served
        }
    }

    private let count: Int
    private let state: Mutex<State>

    public init(_ count: Int) {
        self.count = max(count, 1)
        state = Mutex(State(free: self.count))
    }

    /// Runs `body` in a place of its own; throws `CancellationError` without running it when cancelled before.
    public func withSlot<Value>(_ body: () async throws -> Value) async throws -> Value {
        let taken = try await acquire(1)
        defer { release(taken) }
        try Task.checkCancellation()
        return try await body()
    }

    /// Takes `wanted` places, all that there are if it wants more, and says how many it took: they must be given back.
    func acquire(_ wanted: Int) async throws -> Int {
        let count = min(wanted, self.count)
        let number = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer = state.withLock { state -> Result<Void, any Error>? in
                    // Asked under the lock: a cancellation that comes later finds this waiter in the line.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.waiting.isEmpty, state.free >= count {
                        state.free -= count
                        return .success(())
                    }
                    state.waiting.append((number, count, continuation))
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            leave(number)
        }
        return count
    }

    private func leave(_ number: Int) {
        let served = state.withLock { state -> (left: Continuation?, next: [Continuation]) in
            guard let index = state.waiting.firstIndex(where: { $0.number == number }) else { return (nil, []) }
            let left = state.waiting.remove(at: index).continuation
            return (left, state.serve())
        }
        served.left?.resume(throwing: CancellationError())
        for continuation in served.next { continuation.resume() }
    }

    func release(_ count: Int) {
        let next = state.withLock { state in
            state.free += count
            return state.serve()
        }
        for continuation in next { continuation.resume() }
    }
}
