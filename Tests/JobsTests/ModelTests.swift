import Testing

@testable import Jobs

/// Random programs against the store and the model side by side; after every step both must say the same.
@Suite(.takesTurns) struct ModelTests {
    @Test(arguments: 0..<(CrashTests.isLong ? 100 : 6))
    func `the store does what the model does, whatever the order`(seed: Int) async throws {
        var run = try await RandomProgram(seed: UInt64(seed))
        for step in 0..<120 {
            let deed = try await run.step()
            try await run.compare("seed \(seed), step \(step): \(deed)")
        }
        try await Invariants.check(run.store)
    }
}
