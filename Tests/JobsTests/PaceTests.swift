import Jobs
import Testing

/// How fast a job is, from what is stored of it.
@Suite(.timeLimit(.minutes(5)))
struct PaceTests {
    let workplace = Workplace()

    /// Claims `count` requests and completes one every `interval`.
    private func complete(_ count: Int, every interval: Duration, in store: JobStore) async throws {
        for claim in try await store.claim(upTo: count, for: .ada) {
            workplace.clock.advance(by: interval)
            _ = try await store.complete(claim, result: "ok")
        }
    }

    private func pace(of job: JobID, in store: JobStore) async throws -> JobPace {
        try await store.pace(of: try #require(try await store.job(job)))
    }

    @Test func `the last minute counts, and the whole run when nothing ended in it`() async throws {
        let store = try workplace.store()
        let job = try await store.submit(.bulk(), .numbered(0..<10)).0.id
        #expect(try await pace(of: job, in: store) == JobPace())
        try await complete(2, every: .seconds(10), in: store)
        #expect(try await pace(of: job, in: store) == JobPace(rate: 0.1, remainingSeconds: 80))
        // The first request ended 59 s ago: two in a minute.
        workplace.clock.advance(by: .seconds(49))
        #expect(try await pace(of: job, in: store).rate == 2.0 / 60)
        workplace.clock.advance(by: .seconds(131))
        #expect(try await pace(of: job, in: store) == JobPace(rate: 0.01, remainingSeconds: 800))
    }

    @Test func `a fast job is measured over its latest requests`() async throws {
        let store = try workplace.store()
        let job = try await store.submit(.bulk(), .numbered(0..<400)).0.id
        try await complete(100, every: .milliseconds(200), in: store)
        try await complete(200, every: .milliseconds(10), in: store)
        let rate = try #require(try await pace(of: job, in: store).rate)
        #expect((99...102).contains(rate))
    }

    @Test func `a paused job has no pace, a finished one its mean, and one that is still filled no end`() async throws {
        let store = try workplace.store()
        let job = try await store.openJob(.bulk()).job.id
        _ = try await store.append(.numbered(0..<4), to: job)
        try await complete(2, every: .seconds(5), in: store)
        #expect(try await pace(of: job, in: store) == JobPace(rate: 0.2))
        _ = try await store.pause(job)
        #expect(try await pace(of: job, in: store) == JobPace())
        _ = try await store.resume(job)
        try await store.seal(job)
        try await complete(2, every: .seconds(15), in: store)
        #expect(try await pace(of: job, in: store) == JobPace(rate: 0.1))
    }
}
