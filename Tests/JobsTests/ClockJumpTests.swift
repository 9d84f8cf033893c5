import Testing

@testable import Jobs

/// Wall clocks that jump while random programs run: no request is lost, run twice at once, or stranded.
@Suite(.takesTurns, .timeLimit(.minutes(CrashTests.isLong ? 600 : 10)))
struct ClockJumpTests {
    private static let programs = CrashTests.isLong ? 1_250 : 25
    private static let hour = Duration.seconds(3600)
    private static let decade = Duration.seconds(10 * 365 * 86_400)

    @Test(arguments: [hour, .zero - hour, decade, .zero - decade])
    func `a jump at any moment leaves every request to be finished within the longest backoff`(
        jump: Duration
    ) async throws {
        for seed in 0..<Self.programs {
            var program = try await RandomProgram(seed: UInt64(seed), in: Workplace(in: FaultyDisk.memory))
            for _ in 0..<40 { _ = try await program.step() }
            // The jump comes between two runs, or within one.
            if seed.isMultiple(of: 2) { try await program.store.close() }
            program.workplace.clock.advance(by: jump)
            if seed.isMultiple(of: 2) { program.store = try program.workplace.store() }
            try await finishEverything(program, "seed \(seed), jump \(jump)")
            for claim in program.claims {
                #expect(try await program.store.complete(claim, result: "late") == .leaseLost, "seed \(seed)")
            }
            try await Invariants.check(program.store)
            try await program.store.close()
        }
        print("clocks: \(Self.programs) programs, jump \(jump)")
    }

    /// Claims and completes until nothing waits, while no more time passes than leases and backoffs take.
    private func finishEverything(_ program: RandomProgram, _ context: String) async throws {
        let (store, clock) = (program.store, program.workplace.clock)
        for job in try await store.jobs(limit: 1000) where job.state == .paused { _ = try await store.resume(job.id) }
        var seen: Set<RequestID> = []
        // A lease is a minute, the longest backoff five.
        for wait in [Duration.zero, .seconds(60), .seconds(300)] {
            clock.advance(by: wait)
            try await store.rescueExpiredLeases()
            while case let claims = try await store.claim(upTo: 4, for: .ada), !claims.isEmpty {
                for claim in claims {
                    #expect(seen.insert(claim.requestID).inserted, "\(context): request \(claim.requestID.rawValue)")
                    #expect(try await store.complete(claim, result: "done") == .recorded, "\(context)")
                }
            }
        }
        let left = try await store.statistics()
        #expect(left.waitingBulk + left.waitingInteractive + left.running == 0, "\(context): \(left)")
    }

    @Test func `a thousand small steps back stop no lease and no retry`() async throws {
        let workplace = Workplace()
        let store = try workplace.store()
        _ = try await store.submit(.bulk(), .numbered(0..<2))
        let claims = try await store.claim(upTo: 2, for: .ada)
        _ = try await store.fail(claims[0], .transient)
        for step in 0..<1000 {
            workplace.clock.advance(by: .milliseconds(2))
            let before = store.now
            workplace.clock.advance(by: .milliseconds(-1))
            #expect(store.now == before)
            if step % 100 == 0 { #expect(try await store.rescueExpiredLeases() == 0) }
        }
        // Two seconds have passed: a retry waits for half of one, a lease is a minute.
        #expect(try await store.claim(upTo: 9, for: .bob).map(\.requestID) == [claims[0].requestID])
        workplace.clock.advance(by: .seconds(57))
        #expect(try await store.rescueExpiredLeases() == 0)
        workplace.clock.advance(by: .seconds(2))
        #expect(try await store.rescueExpiredLeases() == 1)
    }
}
