import Jobs
import Testing

/// What jobs need that are ordered over HTTP: made once, with a priority that may change, and read page by page.
@Suite(.timeLimit(.minutes(5)))
struct OrderedJobsTests {
    let workplace = Workplace()

    @Test func `a known job is left as it is`() async throws {
        let store = try workplace.store()
        let (job, isNew) = try await store.create(.bulk("first", key: "k"), .numbered(0..<2))
        #expect(isNew && job.isSealed && job.counts.waiting == 2)
        for claim in try await store.claim(upTo: 2, for: .ada) { _ = try await store.complete(claim, result: "ok") }
        let (again, isNewAgain) = try await store.create(.bulk("second", key: "k"), .numbered(5..<9), isSealed: false)
        #expect(!isNewAgain)
        #expect(try await store.job(job.id) == again)
        #expect(again.label == "first" && again.state == .completed && again.counts.total == 2)
    }

    @Test func `jobs that are still filled are found again, of one kind and until they are sealed`() async throws {
        let store = try workplace.store()
        let open = try await store.create(.bulk(), isSealed: false).job
        _ = try await store.create(.bulk())
        let cancelled = try await store.create(.bulk(), isSealed: false).job
        _ = try await store.cancel(cancelled.id)
        #expect(try await store.unsealedJobs(kind: "caption").map(\.id) == [open.id])
        #expect(try await store.unsealedJobs(kind: "other").isEmpty)
        try await store.seal(open.id)
        #expect(try await store.unsealedJobs(kind: "caption").isEmpty)
    }

    @Test func `what was refused is counted and listed with the failures, once`() async throws {
        let store = try workplace.store()
        let job = try await store.create(.bulk(), isSealed: false).job.id
        _ = try await store.append(.numbered(0..<1), to: job)
        let refused = RefusedRequest(key: "gone.jpg", payload: "{}", failure: .permanent)
        for _ in 0..<2 { try await store.append(refused: [refused], to: job) }
        let failed = try #require(try await store.requests(of: job, state: .failed, limit: 9).first)
        #expect(failed.key == "gone.jpg" && failed.failure == .permanent && failed.finishedAt != nil)
        try await store.seal(job)
        #expect(try await store.job(job)?.counts.failed == 1)
        let claim = try #require(try await store.claim(upTo: 9, for: .ada).first)
        _ = try await store.complete(claim, result: "ok")
        #expect(try await store.job(job)?.state == .completed)
        #expect(try await store.retry(job)?.counts.waiting == 1)
        await #expect(throws: JobStoreError.jobIsSealed(job)) { try await store.append(refused: [refused], to: job) }
        try await Invariants.check(store)
    }

    @Test func `a job that is put first goes before older ones, with what is retried later`() async throws {
        let store = try workplace.store()
        let (older, _) = try await store.submit(.bulk("older"), .numbered(0..<2))
        let (job, ids) = try await store.submit(.bulk("newer"), .numbered(0..<3))
        var scope = try await store.claim(upTo: 1, of: .job(job.id), for: .ada)
        _ = try await store.fail(try #require(scope.popLast()), .permanent)
        #expect(try await store.prioritize(job.id, .interactive)?.priority == .interactive)
        #expect(try await store.claim(upTo: 1, for: .ada).map(\.requestID) == [ids[1]])
        _ = try await store.retry(job.id)
        #expect(try await store.claim(upTo: 9, for: .ada, interactiveOnly: true).map(\.requestID) == [ids[0], ids[2]])
        let statistics = try await store.statistics()
        #expect(statistics.waitingBulk == older.counts.waiting && statistics.waitingInteractive == 0)
        #expect(try await store.prioritize(JobID(rawValue: "job_none"), .bulk) == nil)
    }

    @Test func `jobs are found by state and kind, requests from either end`() async throws {
        let store = try workplace.store()
        let (job, ids) = try await store.submit(.bulk(), .numbered(0..<5))
        _ = try await store.submit(.chat, .numbered(0..<1))
        _ = try await store.pause(job.id)
        func found(_ state: JobState?, _ kinds: [String]?) async throws -> [String] {
            try await store.jobs(limit: 9, after: nil, state: state, kinds: kinds).map(\.kind)
        }
        #expect(try await found(nil, nil) == ["chat", "caption"])
        #expect(try await found(.paused, nil) == ["caption"])
        #expect(try await found(.completed, nil) == [])
        #expect(try await found(nil, ["batch", "chat"]) == ["chat"])
        #expect(try await found(nil, []) == [])
        try await store.cancel(ids[2])
        func page(_ states: Set<RequestState>, after: RequestID?, newestFirst: Bool) async throws -> [RequestID] {
            try await store.requests(
                of: job.id, states: states, after: after, limit: 2, newestFirst: newestFirst
            ).map(\.id)
        }
        #expect(try await page([.waiting, .cancelled], after: nil, newestFirst: true) == [ids[4], ids[3]])
        #expect(try await page([.waiting, .cancelled], after: ids[3], newestFirst: true) == [ids[2], ids[1]])
        #expect(try await page([.waiting], after: ids[1], newestFirst: false) == [ids[3], ids[4]])
        #expect(try await page([.cancelled], after: ids[2], newestFirst: false) == [])
    }
}
