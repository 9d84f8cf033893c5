import Jobs
import Testing

/// What a store does on opening with the rows that its last owner left running.
///
/// Closing a store while claims are out leaves the same rows as killing its process (`CrashTests` does the latter).
struct RecoveryTests {
    let workplace = Workplace()

    @Test func `what ran under a dead owner waits again with a crash, not an attempt`() async throws {
        var store = try workplace.store()
        let (job, ids) = try await store.submit(.bulk(), .numbered(0..<1, maxAttempts: 1))
        let lost = try #require(try await store.claim(upTo: 1, for: .ada).first)
        try await store.close()

        store = try workplace.store()
        let row = try #require(try await store.request(ids[0]))
        #expect(row.state == .waiting && row.crashes == 1 && row.attempts == 0)
        #expect(try await store.complete(lost, result: "from the dead") == .leaseLost)
        let claim = try #require(try await store.claim(upTo: 1, for: .ada).first)
        #expect(claim.epoch > lost.epoch && claim.attempt == 1)
        #expect(try await store.complete(claim, result: "alive") == .recorded)
        #expect(try await store.job(job.id)?.state == .completed)
    }

    @Test func `a request that kills its worker again and again is set aside`() async throws {
        var store = try workplace.store()
        let (job, ids) = try await store.submit(.bulk(), .numbered(0..<1))
        for crash in 1...2 {
            #expect(try await store.claim(upTo: 1, for: .ada).count == 1)
            try await store.close()
            store = try workplace.store()
            #expect(try await store.request(ids[0])?.crashes == crash)
        }
        let row = try #require(try await store.request(ids[0]))
        #expect(row.state == .failed && row.failure?.code == "worker_crashed" && row.failure?.isRetryable == false)
        #expect(try await store.job(job.id)?.state == .failed)
        #expect(try await store.retry(job.id)?.counts.waiting == 1)
        #expect(try await store.request(ids[0])?.crashes == 0)
    }

    @Test func `the neighbours of a request that kills its worker are not set aside with it`() async throws {
        var store = try workplace.store()
        let (job, ids) = try await store.submit(.bulk(), .numbered(0..<8))
        let poison = ids[5]
        var restarts = 0
        while try await store.job(job.id)?.isFinished == false {
            let claims = try await store.claim(upTo: 4, for: .ada)
            try #require(!claims.isEmpty && restarts < 10)
            if claims.contains(where: { $0.requestID == poison }) {
                restarts += 1
                try await store.close()
                store = try workplace.store()
            } else {
                for claim in claims { _ = try await store.complete(claim, result: "ok") }
            }
        }
        #expect(restarts == 2)
        let counts = try #require(try await store.job(job.id)).counts
        #expect(counts.succeeded == 7 && counts.failed == 1)
        #expect(try await store.request(poison)?.failure?.code == "worker_crashed")
    }

    @Test func `a suspect runs alone`() async throws {
        let store = try workplace.store()
        let (_, ids) = try await store.submit(.bulk(), .numbered(0..<2))
        _ = try await store.claim(upTo: 1, for: .ada)
        workplace.clock.advance(by: .seconds(61))
        #expect(try await store.rescueExpiredLeases() == 1)
        let (_, chat) = try await store.submit(.chat, .numbered(0..<1))

        let first = try await store.claim(upTo: 9, for: .ada)
        #expect(first.map(\.requestID) == chat)
        #expect(try await store.claim(upTo: 9, for: .bob) == [])
        _ = try await store.complete(first[0], result: "")
        let alone = try await store.claim(upTo: 9, for: .bob)
        #expect(alone.map(\.requestID) == [ids[0]])
        #expect(try await store.claim(upTo: 9, for: .ada) == [])
        _ = try await store.complete(alone[0], result: "")
        #expect(try await store.claim(upTo: 9, for: .ada).map(\.requestID) == [ids[1]])
    }

    @Test func `a suspect is not overtaken for ever by requests that never leave the workers idle`() async throws {
        let store = try workplace.store()
        let (_, ids) = try await store.submit(.bulk(), .numbered(0..<1))
        _ = try await store.claim(upTo: 1, for: .ada)
        workplace.clock.advance(by: .seconds(61))
        #expect(try await store.rescueExpiredLeases() == 1)

        var running: [Claim] = []
        for _ in 0..<5 {
            _ = try await store.submit(.chat, .numbered(0..<1))
            let next = try await store.claim(upTo: 9, for: .ada)
            #expect(next.map(\.priority) == [.interactive])
            for claim in running { _ = try await store.complete(claim, result: "") }
            running = next
            workplace.clock.advance(by: .seconds(1))
        }
        let (_, chat) = try await store.submit(.chat, .numbered(0..<1))
        #expect(try await store.claim(upTo: 9, for: .ada) == [])
        #expect(try await store.claim(upTo: 9, for: .ada, interactiveOnly: true) == [])
        for claim in running { _ = try await store.complete(claim, result: "") }
        let alone = try await store.claim(upTo: 9, for: .ada)
        #expect(alone.map(\.requestID) == ids)
        #expect(try await store.claim(upTo: 9, for: .ada) == [])
        _ = try await store.complete(alone[0], result: "")
        #expect(try await store.claim(upTo: 9, for: .ada).map(\.requestID) == chat)
    }

    @Test func `a request whose client died with the owner expires, waiting or running`() async throws {
        var store = try workplace.store()
        let (job, ids) = try await store.submit(.chat, .numbered(0..<3))
        let claims = try await store.claim(upTo: 2, for: .ada)
        _ = try await store.complete(claims[0], result: "answered")
        try await store.close()

        store = try workplace.store()
        #expect(try await store.request(ids[0])?.state == .succeeded)
        for id in ids[1...] {
            let row = try #require(try await store.request(id))
            #expect(row.state == .expired && row.failure?.code == "expired")
        }
        let done = try #require(try await store.job(job.id))
        #expect(done.state == .completed && done.counts.expired == 2)
        #expect(try await store.claim(upTo: 9, for: .ada) == [])
    }

    @Test func `a lease that expired in a living process does not expire a synchronous request`() async throws {
        let store = try workplace.store()
        let (_, ids) = try await store.submit(.chat, .numbered(0..<1))
        _ = try await store.claim(upTo: 1, for: .ada)
        workplace.clock.advance(by: .seconds(61))
        try await store.rescueExpiredLeases()
        #expect(try await store.state(of: ids[0]) == .waiting)
    }

    @Test func `a paused job is still paused after a crash`() async throws {
        var store = try workplace.store()
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<2))
        _ = try await store.claim(upTo: 1, for: .ada)
        _ = try await store.pause(job.id)
        try await store.close()
        store = try workplace.store()
        #expect(try await store.job(job.id)?.state == .paused)
        #expect(try await store.claim(upTo: 9, for: .ada) == [])
        _ = try await store.resume(job.id)
        // The one that ran is a suspect by now, and alone.
        let suspect = try await store.claim(upTo: 9, for: .ada)
        #expect(suspect.map(\.key) == ["0"])
        _ = try await store.complete(suspect[0], result: "")
        #expect(try await store.claim(upTo: 9, for: .ada).map(\.key) == ["1"])
    }

    @Test(arguments: [Duration.seconds(3600), .seconds(10 * 365 * 86400)])
    func `a clock that was set back does not strand the backlog`(jump: Duration) async throws {
        var store = try workplace.store()
        let (_, ids) = try await store.submit(.bulk(), .numbered(0..<3))
        let claim = try #require(try await store.claim(upTo: 1, for: .ada).first)
        _ = try await store.fail(claim, .transient)
        try await store.close()

        workplace.clock.advance(by: .zero - jump)
        store = try workplace.store()
        #expect(try await store.claim(upTo: 9, for: .ada).map(\.requestID) == Array(ids[1...]))
        workplace.clock.advance(by: .seconds(300))
        #expect(try await store.claim(upTo: 9, for: .ada).map(\.requestID) == [ids[0]])
    }

    @Test func `leases and retries go on when the clock is set back under a running store`() async throws {
        let store = try workplace.store()
        _ = try await store.submit(.bulk(), .numbered(0..<2))
        let claims = try await store.claim(upTo: 2, for: .ada)
        _ = try await store.fail(claims[0], .transient)
        workplace.clock.advance(by: .seconds(-86400))
        #expect(try await store.rescueExpiredLeases() == 0)
        workplace.clock.advance(by: .milliseconds(500))
        #expect(try await store.claim(upTo: 9, for: .bob).map(\.key) == ["0"])
        workplace.clock.advance(by: .seconds(60))
        #expect(try await store.rescueExpiredLeases() == 2)
    }
}
