import Foundation
import Synchronization
import Testing

@testable import Workers

struct BlockingPoolTests {
    private final class Progress: Sendable {
        let started = Atomic(0)
        let isReleased = Atomic(false)
    }

    @Test(.timeLimit(.minutes(5))) func `tasks go on while every thread of the pool computes`() async throws {
        let threads = ProcessInfo.processInfo.activeProcessorCount
        let pool = BlockingPool(threads: threads)
        let progress = Progress()
        let released = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<threads {
                group.addTask { try await pool.run { Self.compute(until: progress) } }
            }
            group.addTask {
                while progress.started.load(ordering: .relaxed) < threads { await Task.yield() }
                progress.isReleased.store(true, ordering: .relaxed)
                return true
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(released == Array(repeating: true, count: threads + 1))
    }

    /// Keeps a processor busy until released; ends by itself where no task can release it, so that the test fails then.
    private static func compute(until progress: Progress) -> Bool {
        progress.started.add(1, ordering: .relaxed)
        let end = ContinuousClock.now + .seconds(60)
        while !progress.isReleased.load(ordering: .relaxed), ContinuousClock.now < end {}
        return progress.isReleased.load(ordering: .relaxed)
    }
}
