import Jobs
import Synchronization

/// The open connections that wait for a request, by the request's key.
///
/// A waiter is registered before its row is stored, so that no event can be missed; the row's id is added after.
final class Waiters: Sendable {
    private struct Waiter {
        var continuation: AsyncStream<WorkEvent>.Continuation
        var requestID: RequestID?
        let arrival = ContinuousClock.now
    }

    private let waiters = Mutex<[String: Waiter]>([:])
    /// Keys whose client went away before the last event.
    let abandoned: AsyncStream<String>
    private let abandonment: AsyncStream<String>.Continuation

    init() {
        (abandoned, abandonment) = AsyncStream.makeStream()
    }

    /// The events of `key`, from now on. The stream holds at most one answer, so it needs no bound of its own.
    func register(_ key: String) -> AsyncStream<WorkEvent> {
        let (stream, continuation) = AsyncStream<WorkEvent>.makeStream()
        continuation.onTermination = { [abandonment] termination in
            if case .cancelled = termination { abandonment.yield(key) }
        }
        waiters.withLock { $0[key] = Waiter(continuation: continuation) }
        return stream
    }

    /// When somebody began to wait for `key`; nil when nobody does.
    func arrival(of key: String) -> ContinuousClock.Instant? { waiters.withLock { $0[key]?.arrival } }

    func bind(_ key: String, to requestID: RequestID) {
        waiters.withLock { $0[key]?.requestID = requestID }
    }

    func send(_ event: WorkEvent, to key: String) {
        waiters.withLock { $0[key]?.continuation }?.yield(event)
    }

    /// Sends the last event and forgets the waiter.
    func finish(_ key: String, with event: WorkEvent? = nil) {
        let waiter = waiters.withLock { $0.removeValue(forKey: key) }
        if let event { waiter?.continuation.yield(event) }
        waiter?.continuation.finish()
    }

    /// The row of a waiter that is gone; nil when its request has already ended.
    func leave(_ key: String) -> RequestID? {
        waiters.withLock { $0.removeValue(forKey: key) }?.requestID
    }

    var all: [(key: String, requestID: RequestID?)] {
        waiters.withLock { $0.map { ($0.key, $0.value.requestID) } }
    }
}
