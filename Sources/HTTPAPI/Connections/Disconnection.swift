import Synchronization

/// The end of a client's side of a connection, for those who work on its behalf.
final class Disconnection: Sendable {
    private struct State {
        var hasHappened = false
        var nextWaiter = 0
        var waiters: [Int: AsyncStream<Never>.Continuation] = [:]
    }

    private let state = Mutex(State())

    func happen() {
        let waiters = state.withLock { state in
            state.hasHappened = true
            defer { state.waiters = [:] }
            return state.waiters.values.map { $0 }
        }
        for waiter in waiters { waiter.finish() }
    }

    /// Returns when the client has gone, or the task is cancelled.
    func wait() async {
        let (stream, continuation) = AsyncStream<Never>.makeStream()
        let waiter = state.withLock { state -> Int? in
            guard !state.hasHappened else { return nil }
            state.nextWaiter += 1
            state.waiters[state.nextWaiter] = continuation
            return state.nextWaiter
        }
        guard let waiter else { return }
        for await _ in stream {}
        state.withLock { _ = $0.waiters.removeValue(forKey: waiter) }
    }
}

/// The client went away; nobody reads the answer.
struct ClientGone: Error {}

/// Runs `operation`, but cancels it and throws `ClientGone` when the client goes away.
func withCancellation<Value: Sendable>(
    on disconnection: Disconnection?, _ operation: @escaping @Sendable @concurrent () async throws -> Value
) async throws -> Value {
    guard let disconnection else { return try await operation() }
    return try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask(operation: operation)
        group.addTask {
            await disconnection.wait()
            throw ClientGone()
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw ClientGone() }
        return value
    }
}
