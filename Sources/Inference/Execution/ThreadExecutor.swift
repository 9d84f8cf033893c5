import DequeModule
import Dispatch
import Foundation
import Synchronization

/// Runs an actor's work on one thread of its own, in order: for a device whose calls must all come from one thread.
///
/// The thread sleeps while there is nothing to do. It ends when the executor is gone and all work handed over is done.
final class ThreadExecutor: SerialExecutor {
    /// Deep enough for BLAS, which keeps its blocks of work on the stack.
    private static let stackByteCount = 8 << 20

    private let queue = WorkQueue()

    init(name: String) {
        let queue = queue
        let thread = Thread {
            while let work = queue.next() { work() }
        }
        thread.name = name
        thread.stackSize = Self.stackByteCount
        thread.start()
    }

    deinit { queue.append(nil) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedSerialExecutor()
        queue.append { job.runSynchronously(on: executor) }
    }

    /// Runs `work` on the thread and waits for it. Not to be called from the thread itself.
    func perform<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) throws -> Value {
        let promise = Promise<Value>()
        queue.append { promise.fulfil(Result(catching: work)) }
        return try promise.wait().get()
    }
}

/// Work in order of arrival; `nil` stands for the end.
private final class WorkQueue: Sendable {
    typealias Work = @Sendable () -> Void

    private let waiting = Mutex<Deque<Work?>>([])
    private let arrivals = DispatchSemaphore(value: 0)

    func append(_ work: Work?) {
        waiting.withLock { $0.append(work) }
        arrivals.signal()
    }

    func next() -> Work? {
        arrivals.wait()
        return waiting.withLock { $0.removeFirst() }
    }
}

/// A result that one thread waits for and another brings.
private final class Promise<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let arrival = DispatchSemaphore(value: 0)

    func fulfil(_ result: Result<Value, any Error>) {
        self.result.withLock { $0 = result }
        arrival.signal()
    }

    func wait() -> Result<Value, any Error> {
        arrival.wait()
        guard let result = result.withLock({ $0 }) else { preconditionFailure("a promise was signalled but not kept") }
        return result
    }
}
