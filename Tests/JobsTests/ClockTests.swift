import Testing

@testable import Jobs

struct ClockTests {
    @Test func `the steady clock goes on from where it was when the wall clock goes back`() {
        let wall = ManualClock()
        let steady = SteadyClock(wall)
        let start = steady.now()
        wall.advance(by: .seconds(10))
        #expect(steady.now() == start + .seconds(10))
        for _ in 0..<3 {
            wall.advance(by: .seconds(-5))
            #expect(steady.now() == start + .seconds(10))
        }
        wall.advance(by: .seconds(1))
        #expect(steady.now() == start + .seconds(11))
    }

    @Test func `the system clock is within this century`() {
        let now = SystemWallClock().now()
        #expect(now > Timestamp(milliseconds: 1_700_000_000_000) && now < Timestamp(milliseconds: 4_102_444_800_000))
    }

    @Test(arguments: [(1, 1000), (2, 2000), (3, 4000), (8, 128_000), (9, 256_000), (10, 300_000), (1000, 300_000)])
    func `the bound of a retry's delay doubles up to the cap`(attempt: Int, milliseconds: Int) {
        let policy = RetryPolicy(base: .seconds(1), cap: .seconds(300))
        #expect(policy.bound(afterAttempt: attempt) == .milliseconds(milliseconds))
        #expect(policy.delay(afterAttempt: attempt, jitter: 0) == .zero)
        #expect(policy.delay(afterAttempt: attempt, jitter: 0.25) == .milliseconds(milliseconds) / 4)
    }

    @Test(arguments: [
        (RequestFailure.transient, 1, RetryPolicy.Outcome.retry(after: .milliseconds(500))),
        (.transient, 2, .retry(after: .seconds(1))), (.transient, 3, .fail), (.permanent, 1, .fail),
    ])
    func `a failure is retried while it may pass and attempts are left`(
        failure: RequestFailure, attempt: Int, expected: RetryPolicy.Outcome
    ) {
        #expect(RetryPolicy().outcome(of: failure, attempt: attempt, limit: 3, jitter: 0.5) == expected)
    }

    @Test func `job ids sort by time, and within a millisecond by order`() {
        let generator = JobIDGenerator()
        var ids: [String] = []
        for millisecond in [5, 5, 5, 6, 4, 1_800_000_000_000] as [Int64] {
            ids.append(generator.next(at: Timestamp(milliseconds: millisecond)).rawValue)
        }
        #expect(ids == ids.sorted() && Set(ids).count == ids.count)
        #expect(ids.allSatisfy { $0.utf8.count == 30 && $0.hasPrefix("job_") })
    }

    @Test(arguments: [
        (JobState.queued, JobState.queued, 2, 0, 0, false), (.queued, .running, 1, 0, 0, true),
        (.running, .completed, 0, 1, 1, true), (.running, .failed, 0, 0, 2, true), (.paused, .paused, 1, 1, 0, true),
        (.paused, .completed, 0, 1, 0, true), (.completed, .running, 1, 1, 0, true),
        (.cancelled, .cancelled, 0, 0, 0, true),
        (.failed, .running, 1, 0, 1, true),
    ])
    func `a job's state follows from its counters`(
        before: JobState, after: JobState, waiting: Int, succeeded: Int, failed: Int, hasStarted: Bool
    ) {
        var counts = JobCounts()
        (counts.waiting, counts.succeeded, counts.failed) = (waiting, succeeded, failed)
        #expect(before.following(counts, isSealed: true, hasStarted: hasStarted) == after)
    }
}
