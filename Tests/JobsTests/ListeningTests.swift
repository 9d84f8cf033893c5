import Jobs
import Testing

/// The streams that spare everybody polling.
@Suite(.timeLimit(.minutes(5)))
struct ListeningTests {
    let workplace = Workplace()

    @Test func `every listener is poked after a submit, a resume, a retry and a release`() async throws {
        let store = try workplace.store()
        var first = store.workAvailable.makeAsyncIterator()
        var second = store.workAvailable.makeAsyncIterator()
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<1))
        #expect(await first.next() != nil)
        #expect(await second.next() != nil)
        let claims = try await store.claim(upTo: 1, for: .ada)
        try await store.release(claims)
        #expect(await first.next() != nil)
        _ = try await store.pause(job.id)
        _ = try await store.resume(job.id)
        #expect(await first.next() != nil)
        _ = try await store.cancel(job.id)
        _ = try await store.retry(job.id)
        #expect(await first.next() != nil)
        try await store.close()
        #expect(await second.next() != nil)
        #expect(await second.next() == nil)
    }

    @Test func `a watcher sees the current value at once and the final one last`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<3))
        var changes = store.changes(of: job.id).makeAsyncIterator()
        #expect(await changes.next()?.counts.waiting == 3)
        let claims = try await store.claim(upTo: 3, for: .ada)
        #expect(await changes.next()?.counts.running == 3)
        for claim in claims { _ = try await store.complete(claim, result: "") }
        var last: Job?
        while let value = await changes.next() { last = value }
        #expect(last?.state == .completed && last?.counts.succeeded == 3)
    }

    @Test func `a watcher of a cancelled job waits until its workers let go`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<1))
        let claims = try await store.claim(upTo: 1, for: .ada)
        var changes = store.changes(of: job.id).makeAsyncIterator()
        #expect(await changes.next()?.state == .running)
        _ = try await store.cancel(job.id)
        #expect(await changes.next()?.state == .cancelled)
        try await store.release(claims)
        #expect(await changes.next()?.isFinished == true)
        #expect(await changes.next() == nil)
    }

    @Test func `watching a finished job gives one value, an unknown or pruned one none`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.submit(.bulk(), [])
        var seen: [JobState] = []
        for await value in store.changes(of: job.id) { seen.append(value.state) }
        #expect(seen == [.completed])
        workplace.clock.advance(by: .seconds(1))
        #expect(try await store.prune(finishedBefore: workplace.clock.now()) == 1)
        for await _ in store.changes(of: job.id) { Issue.record("a pruned job has no value") }
    }

    @Test func `statistics count what waits and how long, without paused work in the age`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<4))
        _ = try await store.submit(.chat, .numbered(0..<1))
        workplace.clock.advance(by: .seconds(7))
        _ = try await store.submit(.bulk(), .numbered(0..<2))
        _ = try await store.claim(upTo: 2, for: .ada)
        var statistics = try await store.statistics()
        #expect(statistics.waitingInteractive == 0 && statistics.waitingBulk == 5 && statistics.running == 2)
        #expect(statistics.oldestWaitingMilliseconds == 7000 && statistics.walBytes > 0)
        _ = try await store.pause(job.id)
        statistics = try await store.statistics()
        #expect(statistics.waitingBulk == 5 && statistics.oldestWaitingMilliseconds == 0)
    }

    @Test func `pruning deletes what finished before, and only that`() async throws {
        let store = try workplace.store()
        let (old, ids) = try await store.submit(.bulk(), .numbered(0..<3))
        _ = try await store.cancel(old.id)
        workplace.clock.advance(by: .seconds(10))
        let cutoff = workplace.clock.now()
        let (recent, _) = try await store.submit(.bulk(), .numbered(0..<1))
        _ = try await store.cancel(recent.id)
        let (alive, _) = try await store.submit(.bulk(), .numbered(0..<1))
        #expect(try await store.prune(finishedBefore: cutoff) == 1)
        #expect(try await store.jobs(limit: 9, after: nil).map(\.id) == [alive.id, recent.id])
        #expect(try await store.request(ids[0]) == nil)
        let (_, next) = try await store.submit(.bulk(), .numbered(0..<1))
        #expect(next[0].rawValue > ids[2].rawValue)
    }
}
