import Jobs
import Testing

struct EnqueueTests {
    let workplace = Workplace()

    @Test func `a job with a known key is continued, and its keys are stored once`() async throws {
        let store = try workplace.store()
        let (first, isNew) = try await store.openJob(.bulk(key: "photos"))
        #expect(isNew && !first.isSealed)
        #expect(try await store.append(.numbered(0..<3), to: first.id) == 3)
        #expect(try await store.append(.numbered(1..<5), to: first.id) == 2)
        try await store.seal(first.id)
        try await store.seal(first.id)
        #expect(try await store.job(first.id)?.counts.waiting == 5)

        let (again, isNewAgain) = try await store.openJob(.bulk("another label", key: "photos"))
        #expect(!isNewAgain && again.id == first.id && again.label == "a job" && !again.isSealed)
        #expect(try await store.jobs(limit: 10, after: nil).count == 1)
    }

    @Test func `a completed job is reopened by its key and completes again`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.submit(.bulk(key: "photos"), .numbered(0..<1))
        for claim in try await store.claim(upTo: 9, for: .ada) { _ = try await store.complete(claim, result: "") }
        #expect(try await store.job(job.id)?.state == .completed)

        let (reopened, _) = try await store.openJob(.bulk(key: "photos"))
        #expect(reopened.id == job.id && reopened.state == .running && !reopened.isFinished)
        #expect(try await store.append(.numbered(0..<2), to: job.id) == 1)
        for claim in try await store.claim(upTo: 9, for: .ada) { _ = try await store.complete(claim, result: "") }
        #expect(try await store.job(job.id)?.state == .running)
        try await store.seal(job.id)
        let done = try #require(try await store.job(job.id))
        #expect(done.state == .completed && done.counts.succeeded == 2)
    }

    @Test func `a cancelled job is reopened by its key and keeps its cancelled requests`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.submit(.bulk(key: "photos"), .numbered(0..<2))
        _ = try await store.cancel(job.id)
        await #expect(throws: JobStoreError.jobIsCancelled(job.id)) {
            try await store.append(.numbered(5..<6), to: job.id)
        }
        let (reopened, _) = try await store.openJob(.bulk(key: "photos"))
        #expect(!reopened.state.isFinal && reopened.counts.cancelled == 2)
        #expect(try await store.append(.numbered(0..<3), to: job.id) == 1)
        #expect(try await store.claim(upTo: 9, for: .ada).map(\.key) == ["2"])
    }

    @Test func `submitting twice under one key gives the same job and the same ids`() async throws {
        let store = try workplace.store()
        let (first, ids) = try await store.submit(.bulk(key: "once"), .numbered(0..<3))
        let (second, again) = try await store.submit(.bulk(key: "once"), .numbered(0..<3))
        #expect(first.id == second.id && ids == again && second.counts.total == 3)
        for claim in try await store.claim(upTo: 9, for: .ada) { _ = try await store.complete(claim, result: "") }
        let (third, _) = try await store.submit(.bulk(key: "once"), .numbered(0..<3))
        #expect(third.state == .completed)
        let (fourth, _) = try await store.submit(.bulk(key: "once"), .numbered(0..<4))
        #expect(fourth.id == first.id && fourth.state == .running && fourth.counts.waiting == 1)
    }

    @Test func `an empty job is completed when it is sealed`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.openJob(.bulk())
        #expect(job.state == .queued)
        try await store.seal(job.id)
        #expect(try await store.job(job.id)?.state == .completed)
        #expect(try await store.submit(.bulk(), []).0.state == .completed)
    }

    @Test func `what cannot be stored is one typed error and stores nothing`() async throws {
        let store = try workplace.store()
        let unknown = BlobID(hashing: [1, 2, 3])
        await #expect(throws: JobStoreError.unknownBlob(unknown)) {
            try await store.submit(.bulk(), [NewRequest(key: "a", payload: "{}", blobs: [unknown])])
        }
        await #expect(throws: JobStoreError.self) { try await store.submit(.bulk(), .numbered(0..<1, maxAttempts: 0)) }
        await #expect(throws: JobStoreError.self) {
            try await store.submit(NewJob(kind: "", label: "", model: "m"), [])
        }
        #expect(try await store.jobs(limit: 10, after: nil).isEmpty)
        let nowhere = JobID(rawValue: "job_00000000000000000000000000")
        await #expect(throws: JobStoreError.unknownJob(nowhere)) {
            try await store.append(.numbered(0..<1), to: nowhere)
        }
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<1))
        await #expect(throws: JobStoreError.jobIsSealed(job.id)) {
            try await store.append(.numbered(1..<2), to: job.id)
        }
    }

    @Test func `jobs are listed newest first and requests oldest first, page by page`() async throws {
        let store = try workplace.store()
        var jobs: [JobID] = []
        for _ in 0..<5 { jobs.append(try await store.submit(.bulk(), .numbered(0..<1)).0.id) }
        let newest = try await store.jobs(limit: 2, after: nil).map(\.id)
        #expect(newest == [jobs[4], jobs[3]])
        #expect(try await store.jobs(limit: 9, after: newest[1]).map(\.id) == [jobs[2], jobs[1], jobs[0]])

        let (job, ids) = try await store.submit(.chat, .numbered(0..<10))
        for claim in try await store.claim(upTo: 4, for: .ada) { _ = try await store.fail(claim, .permanent) }
        let page = try await store.requests(of: job.id, state: nil, after: ids[1], limit: 4).map(\.id)
        #expect(page == Array(ids[2...5]))
        #expect(
            try await store.requests(of: job.id, state: .failed, after: ids[0], limit: 9).map(\.id) == Array(ids[1...3])
        )
        #expect(try await store.requests(of: job.id, state: .succeeded, after: nil, limit: 9).isEmpty)
    }
}
