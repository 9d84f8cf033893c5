import Jobs
import Testing

/// Cancelling, pausing, resuming and retrying.
@Suite(.timeLimit(.minutes(5)))
struct SteeringTests {
    let workplace = Workplace()

    @Test func `cancelling takes what waits at once and asks the worker for what runs`() async throws {
        let store = try workplace.store()
        let (job, ids) = try await store.submit(.bulk(), .numbered(0..<3))
        let claim = try #require(try await store.claim(upTo: 1, for: .ada).first)
        var cancellations = store.cancellations.makeAsyncIterator()

        let cancelled = try #require(try await store.cancel(job.id))
        #expect(cancelled.state == .cancelled && !cancelled.isFinished)
        #expect(cancelled.counts.cancelled == 2 && cancelled.counts.running == 1)
        #expect(await cancellations.next() == ids[0])
        #expect(try await store.renew([claim]) == [claim])
        #expect(try await store.complete(claim, result: "too late") == .leaseLost)
        let done = try #require(try await store.job(job.id))
        #expect(done.isFinished && done.counts.cancelled == 3)
        #expect(try await store.request(ids[0])?.result == nil)
        #expect(try await store.cancel(job.id)?.state == .cancelled)
    }

    @Test(arguments: ["complete", "fail for now", "fail for good", "release", "crash"])
    func `whatever a worker does with a cancelled request, it ends cancelled`(deed: String) async throws {
        let store = try workplace.store()
        let (job, ids) = try await store.submit(.bulk(), .numbered(0..<1))
        let claim = try #require(try await store.claim(upTo: 1, for: .ada).first)
        try await store.cancel(ids[0])
        switch deed {
        case "complete": #expect(try await store.complete(claim, result: "") == .leaseLost)
        case "fail for now": #expect(try await store.fail(claim, .transient) == .leaseLost)
        case "fail for good": #expect(try await store.fail(claim, .permanent) == .leaseLost)
        case "release": try await store.release([claim])
        default:
            workplace.clock.advance(by: .seconds(100))
            try await store.rescueExpiredLeases()
        }
        #expect(try await store.state(of: ids[0]) == .cancelled)
        #expect(try await store.job(job.id)?.isFinished == true)
    }

    @Test func `one request is cancelled without its neighbours, a final one not at all`() async throws {
        let store = try workplace.store()
        let (job, ids) = try await store.submit(.bulk(), .numbered(0..<3))
        try await store.cancel(ids[1])
        let claims = try await store.claim(upTo: 9, for: .ada)
        #expect(claims.map(\.requestID) == [ids[0], ids[2]])
        for claim in claims { _ = try await store.complete(claim, result: "ok") }
        try await store.cancel(ids[0])
        #expect(try await store.state(of: ids[0]) == .succeeded)
        let done = try #require(try await store.job(job.id))
        #expect(done.state == .completed && done.counts.cancelled == 1 && done.counts.succeeded == 2)
    }

    @Test func `a job whose every request was cancelled is cancelled`() async throws {
        let store = try workplace.store()
        let (job, ids) = try await store.submit(.bulk(), .numbered(0..<2))
        let claims = try await store.claim(upTo: 1, for: .ada)
        for id in ids { try await store.cancel(id) }
        #expect(try await store.job(job.id)?.state == .running)
        for claim in claims { #expect(try await store.complete(claim, result: "late") == .leaseLost) }
        let done = try #require(try await store.job(job.id))
        #expect(done.state == .cancelled && done.isFinished && done.counts.cancelled == 2)
        #expect(try await store.retry(job.id)?.state == .running)
    }

    @Test func `a paused job gives nothing out until it is resumed`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<3))
        let (other, _) = try await store.submit(.bulk(), .numbered(0..<1))
        let running = try await store.claim(upTo: 1, for: .ada)
        #expect(try await store.pause(job.id)?.state == .paused)
        #expect(try await store.claim(upTo: 9, for: .bob).map(\.jobID) == [other.id])
        #expect(try await store.nextDue() == nil)
        #expect(try await store.fail(running[0], .transient) != .failed)
        workplace.clock.advance(by: .seconds(1000))
        #expect(try await store.claim(upTo: 9, for: .bob) == [])

        #expect(try await store.resume(job.id)?.state == .running)
        #expect(try await store.claim(upTo: 9, for: .bob).count == 3)
        #expect(try await store.resume(job.id)?.state == .running)
    }

    @Test func `what is appended to or released into a paused job stays held`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.openJob(.bulk())
        _ = try await store.append(.numbered(0..<1), to: job.id)
        let claims = try await store.claim(upTo: 1, for: .ada)
        _ = try await store.pause(job.id)
        _ = try await store.append(.numbered(1..<2), to: job.id)
        try await store.release(claims)
        #expect(try await store.claim(upTo: 9, for: .ada) == [])
        _ = try await store.resume(job.id)
        #expect(try await store.claim(upTo: 9, for: .ada).count == 2)
    }

    @Test func `retrying runs what failed, expired or was cancelled, and nothing else`() async throws {
        let store = try workplace.store()
        let (job, ids) = try await store.submit(.bulk(), .numbered(0..<3))
        try await store.cancel(ids[2])
        let claims = try await store.claim(upTo: 2, for: .ada)
        _ = try await store.complete(claims[0], result: "kept")
        _ = try await store.fail(claims[1], .permanent)
        #expect(try await store.job(job.id)?.state == .completed)

        let again = try #require(try await store.retry(job.id))
        #expect(again.state == .running && again.counts.waiting == 2 && again.finishedAt == nil)
        let second = try await store.claim(upTo: 9, for: .ada)
        #expect(second.map(\.requestID) == [ids[1], ids[2]] && second.map(\.attempt) == [1, 1])
        for claim in second { _ = try await store.complete(claim, result: "ok") }
        #expect(try await store.job(job.id)?.counts.succeeded == 3)
        #expect(try await store.request(ids[0])?.result == "kept")
        #expect(try await store.retry(job.id)?.state == .completed)
    }

    @Test func `retrying a cancelled job takes its running requests from their workers`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<1))
        let old = try #require(try await store.claim(upTo: 1, for: .ada).first)
        _ = try await store.cancel(job.id)
        #expect(try await store.retry(job.id)?.counts.waiting == 1)
        #expect(try await store.complete(old, result: "old") == .leaseLost)
        let new = try #require(try await store.claim(upTo: 1, for: .ada).first)
        #expect(try await store.complete(new, result: "new") == .recorded)
        #expect(try await store.request(new.requestID)?.result == "new")
    }

    @Test func `an unknown job is nil, an unknown request nothing`() async throws {
        let store = try workplace.store()
        let nowhere = JobID(rawValue: "job_00000000000000000000000000")
        #expect(try await store.cancel(nowhere) == nil)
        #expect(try await store.pause(nowhere) == nil)
        #expect(try await store.resume(nowhere) == nil)
        #expect(try await store.retry(nowhere) == nil)
        #expect(try await store.job(nowhere) == nil)
        try await store.cancel(RequestID(rawValue: 99))
        #expect(try await store.request(RequestID(rawValue: 99)) == nil)
    }

    @Test(arguments: 0..<8) func `a cancellation that races completions leaves the counters true`(seed: Int)
        async throws
    {
        let store = try workplace.store()
        let (job, ids) = try await store.submit(.bulk(), .numbered(0..<40))
        let claims = try await store.claim(upTo: 20, for: .ada)
        let recorded = try await withThrowingTaskGroup(of: Int.self) { group in
            for claim in claims {
                group.addTask { try await store.complete(claim, result: "ok") == .recorded ? 1 : 0 }
            }
            group.addTask {
                if seed.isMultiple(of: 2) {
                    _ = try await store.cancel(job.id)
                } else {
                    try await store.cancel(ids[seed])
                }
                return 0
            }
            return try await group.reduce(0, +)
        }
        let states = try await store.states(of: job.id).values
        let counts = try #require(try await store.job(job.id)).counts
        for state in RequestState.allCases { #expect(counts[state] == states.count { $0 == state }) }
        #expect(counts.succeeded == recorded)
    }
}
