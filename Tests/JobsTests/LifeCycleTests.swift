import Jobs
import Testing

/// What becomes of a request between being submitted and being final.
struct LifeCycleTests {
    let workplace = Workplace()

    @Test func `a submitted request is claimed, completed and finishes its job`() async throws {
        let store = try workplace.store()
        let (job, ids) = try await store.submit(.bulk(), .numbered(0..<2))
        #expect(job.state == .queued && job.isSealed && job.counts.waiting == 2)

        let claims = try await store.claim(upTo: 10, for: .ada)
        #expect(claims.map(\.requestID) == ids)
        #expect(claims.map(\.key) == ["0", "1"])
        #expect(claims[0].jobKind == "caption" && claims[0].jobSpecification == #"{"prompt":"?"}"#)
        #expect(claims[0].payload == #"{"n":0}"# && claims[0].attempt == 1)
        #expect(try await store.job(job.id)?.state == .running)

        workplace.clock.advance(by: .seconds(2))
        for claim in claims { #expect(try await store.complete(claim, result: "a cat") == .recorded) }
        let done = try #require(try await store.job(job.id))
        #expect(done.state == .completed && done.counts.succeeded == 2 && done.counts.total == 2)
        #expect(done.finishedAt == workplace.clock.now())
        #expect(try await store.request(ids[0])?.result == "a cat")
    }

    @Test func `interactive requests go first, then the oldest`() async throws {
        let store = try workplace.store()
        let (_, old) = try await store.submit(.bulk(), .numbered(0..<2))
        workplace.clock.advance(by: .seconds(1))
        let (_, new) = try await store.submit(.bulk(), .numbered(0..<2))
        let (_, chat) = try await store.submit(.chat, .numbered(0..<1))
        #expect(try await store.claim(upTo: 4, for: .ada).map(\.requestID) == chat + old + new.prefix(1))
        #expect(try await store.claim(upTo: 4, for: .bob).map(\.requestID) == Array(new.suffix(1)))
    }

    @Test func `a worker takes what its model has to answer, or what its job holds, and nothing else`() async throws {
        let store = try workplace.store()
        var other = NewJob.bulk("of another model")
        other.model = "n"
        let (_, theirs) = try await store.submit(other, .numbered(0..<1))
        let (first, _) = try await store.submit(.bulk(), .numbered(0..<1))
        let (second, ids) = try await store.submit(.bulk(), .numbered(0..<2))
        #expect(try await store.nextDue(of: .model("nobody's")) == nil)
        #expect(try await store.claim(upTo: 9, of: .model("nobody's"), for: .ada) == [])
        #expect(try await store.claim(upTo: 9, of: .job(second.id), for: .ada).map(\.requestID) == ids)
        #expect(try await store.nextDue(of: .job(second.id)) == nil)
        #expect(try await store.claim(upTo: 9, of: .model("m"), for: .ada).map(\.jobID) == [first.id])
        #expect(try await store.claim(upTo: 9, of: .model("n"), for: .ada).map(\.requestID) == theirs)
    }

    @Test func `a late worker completes nothing once its lease was rescued`() async throws {
        let store = try workplace.store()
        let (job, ids) = try await store.submit(.bulk(), .numbered(0..<1))
        let late = try #require(try await store.claim(upTo: 1, for: .ada).first)
        workplace.clock.advance(by: .seconds(61))
        #expect(try await store.rescueExpiredLeases() == 1)
        let fresh = try #require(try await store.claim(upTo: 1, for: .ada).first)
        #expect(fresh.requestID == ids[0] && fresh.epoch == late.epoch + 1 && fresh.attempt == 1)

        #expect(try await store.complete(late, result: "late") == .leaseLost)
        #expect(try await store.fail(late, .permanent) == .leaseLost)
        #expect(try await store.renew([late, fresh]) == [late])
        try await store.release([late])
        #expect(try await store.state(of: ids[0]) == .running)
        #expect(try await store.complete(fresh, result: "in time") == .recorded)
        #expect(try await store.complete(fresh, result: "twice") == .leaseLost)
        #expect(try await store.request(ids[0])?.result == "in time")
        #expect(try await store.job(job.id)?.counts.succeeded == 1)
    }

    @Test func `a forged worker or epoch completes nothing`() async throws {
        let store = try workplace.store()
        _ = try await store.submit(.bulk(), .numbered(0..<1))
        let claim = try #require(try await store.claim(upTo: 1, for: .ada).first)
        for (worker, epoch) in [(WorkerID.bob, claim.epoch), (.ada, claim.epoch - 1), (.ada, claim.epoch + 1)] {
            let forged = Claim(
                requestID: claim.requestID, jobID: claim.jobID, worker: worker, epoch: epoch, key: claim.key,
                payload: "", jobKind: "", jobSpecification: "", priority: .bulk, attempt: 1,
                isSynchronous: false)
            #expect(try await store.complete(forged, result: "x") == .leaseLost)
        }
        #expect(try await store.complete(claim, result: "x") == .recorded)
    }

    @Test func `a renewed lease does not expire`() async throws {
        let store = try workplace.store()
        _ = try await store.submit(.bulk(), .numbered(0..<1))
        let claims = try await store.claim(upTo: 1, for: .ada)
        for _ in 0..<5 {
            workplace.clock.advance(by: .seconds(40))
            #expect(try await store.renew(claims) == [])
            #expect(try await store.rescueExpiredLeases() == 0)
        }
        #expect(try await store.complete(claims[0], result: "") == .recorded)
    }

    @Test func `a failure that may pass is tried again after a growing delay, until attempts run out`() async throws {
        let store = try workplace.store { $0.retryPolicy = RetryPolicy(base: .seconds(10), cap: .seconds(15)) }
        let (job, ids) = try await store.submit(.bulk(), .numbered(0..<1))
        for delay in [Duration.seconds(5), .milliseconds(7500)] {
            let claim = try #require(try await store.claim(upTo: 1, for: .ada).first)
            let due = workplace.clock.now() + delay
            #expect(try await store.fail(claim, .transient) == .willRetry(at: due))
            #expect(try await store.nextDue() == due)
            #expect(try await store.request(ids[0])?.failure == .transient)
            #expect(try await store.claim(upTo: 1, for: .ada) == [])
            workplace.clock.advance(by: delay - .milliseconds(1))
            #expect(try await store.claim(upTo: 1, for: .ada) == [])
            workplace.clock.advance(by: .milliseconds(1))
        }
        let last = try #require(try await store.claim(upTo: 1, for: .ada).first)
        #expect(last.attempt == 3)
        #expect(try await store.fail(last, .transient) == .failed)
        #expect(try await store.request(ids[0])?.failure == .transient)
        #expect(try await store.job(job.id)?.state == .failed)
        #expect(try await store.nextDue() == nil)
    }

    @Test func `a permanent failure is final at once, and one success completes the job`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<2))
        let claims = try await store.claim(upTo: 2, for: .ada)
        #expect(try await store.fail(claims[0], .permanent) == .failed)
        #expect(try await store.complete(claims[1], result: "ok") == .recorded)
        let done = try #require(try await store.job(job.id))
        #expect(done.state == .completed && done.counts.failed == 1 && done.counts.succeeded == 1)
    }

    @Test func `a released request waits again and its attempt does not count`() async throws {
        let store = try workplace.store()
        let (_, ids) = try await store.submit(.bulk(), .numbered(0..<1, maxAttempts: 1))
        for _ in 0..<3 {
            let claims = try await store.claim(upTo: 1, for: .ada)
            #expect(claims.map(\.attempt) == [1])
            try await store.release(claims)
        }
        #expect(try await store.request(ids[0])?.attempts == 0)
    }

    @Test func `sixty-four claimers share the requests without a double`() async throws {
        let store = try workplace.store()
        let (job, ids) = try await store.submit(.bulk(), .numbered(0..<500))
        let claimed = try await withThrowingTaskGroup(of: [RequestID].self) { group in
            for number in 0..<64 {
                group.addTask {
                    var mine: [RequestID] = []
                    while true {
                        let claims = try await store.claim(upTo: 3, for: WorkerID(rawValue: "worker \(number)"))
                        guard !claims.isEmpty else { return mine }
                        for claim in claims { _ = try await store.complete(claim, result: "\(number)") }
                        mine += claims.map(\.requestID)
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(claimed.count == 500 && Set(claimed) == Set(ids))
        #expect(try await store.job(job.id)?.state == .completed)
    }
}
