import Foundation
import Testing

@testable import Jobs

/// The power goes at any moment of a random program; nothing acknowledged may be lost, and nothing half done be there.
///
/// `DOCENT_SEED` runs the program of one seed again; every choice of it follows from the seed.
@Suite(.takesTurns, .timeLimit(.minutes(CrashTests.isLong ? 600 : 10)))
struct PowerCutTests {
    private static let steps = 60
    private static let cutsPerProgram = 50
    private static let seed = ProcessInfo.processInfo.environment["DOCENT_SEED"].flatMap { UInt64($0) }
    /// 2,000 cuts, and 200,000 in the long form.
    private static let programs = seed != nil ? 1 : CrashTests.isLong ? 4_000 : 40
    private static let lanes = min(2, programs)

    @Test(arguments: 0..<lanes)
    func `a power cut loses nothing that was acknowledged`(lane: Int) async throws {
        var cuts = 0
        for program in stride(from: lane, to: Self.programs, by: Self.lanes) {
            let run = PowerCuts(seed: Self.seed ?? UInt64(program))
            let violations = try await run.violations(steps: Self.steps, cuts: Self.cutsPerProgram)
            for violation in violations { Issue.record("\(violation)") }
            cuts += Self.cutsPerProgram
            if cuts.isMultiple(of: 1_000) { print("power cuts: lane \(lane), \(cuts) cuts so far") }
        }
    }

    /// If the disk lies, acknowledged work is lost: a suite that did not notice could not notice a missing sync either.
    @Test(arguments: [FaultyDisk.Lies.database, .log, .directory])
    func `a disk that lies about one kind of sync is found out`(lies: FaultyDisk.Lies) async throws {
        for seed in 0..<20 {
            let run = PowerCuts(seed: UInt64(seed), lies: lies)
            if try await !run.violations(steps: Self.steps, cuts: Self.cutsPerProgram).isEmpty { return }
        }
        Issue.record("no cut of 1,000 lost anything")
    }
}
