import Dispatch
import Testing

/// Tests that compute for seconds without a pause run one after the other on a thread of their own: on the threads of
/// Swift's tasks, of which there are as many as processors, they would stop every other test meanwhile.
struct Aside: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(OneThread.shared) { try await function() }
    }
}

extension Trait where Self == Aside {
    static var aside: Self { Aside() }
}

private final class OneThread: TaskExecutor {
    static let shared = OneThread()

    private let queue = DispatchQueue(label: "tests.aside")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
