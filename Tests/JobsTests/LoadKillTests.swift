import ChildProcess
import Foundation
import Testing

@testable import Jobs

/// Processes that are killed, or stopped for longer than their leases, at any moment of a mixed load.
///
/// `DOCENT_SEED` gives other moments; which of several tasks is ahead at each is the machine's choice.
@Suite(.takesTurns, .timeLimit(.minutes(CrashTests.isLong ? 600 : 10)))
struct LoadKillTests {
    private static let seed = ProcessInfo.processInfo.environment["DOCENT_SEED"].flatMap { UInt64($0) } ?? 1
    private static let livesPerQueue = 5

    @Test func `a kill at any moment of a mixed load loses nothing that was acknowledged`() async throws {
        let kills = CrashTests.isLong ? 5_000 : 160
        var total = LoadJournal.Counts()
        for queue in 0..<(kills / Self.livesPerQueue) {
            let workplace = Workplace(in: FaultyDisk.memory)
            var random = Self.generator(of: queue)
            var journal = LoadJournal()
            var hasSkipped = false
            for life in 0..<Self.livesPerQueue {
                let end = Self.end(&random)
                let process = try ChildProcess(
                    besideTests: "KilledScenario", ["load", workplace.path, "\(life)", "60000", end])
                let context = "seed \(Self.seed), queue \(queue), life \(life), \(end)"
                #expect(await process.ended() == .killed(by: SIGKILL), "\(context)")
                // Now and then the next life is the one that finds what was left.
                if life < Self.livesPerQueue - 1, Int.random(in: 0..<4, using: &random) == 0 {
                    hasSkipped = true
                    continue
                }
                try await check(workplace, &journal, hasSkipped: hasSkipped, context)
                hasSkipped = false
            }
            total.add(journal.counts)
            if CrashTests.isLong, queue % 100 == 99 { print("kills under load: \((queue + 1) * Self.livesPerQueue)") }
        }
        #expect(total.succeeded > 0 && total.cancelled > 0)
        print("kills under load: seed \(Self.seed), \(kills) kills, \(total)")
    }

    @Test func `what a process that was stopped finishes after its leases is thrown away`() async throws {
        let stops = CrashTests.isLong ? 2_000 : 50
        var total = LoadJournal.Counts()
        for queue in 0..<(stops / 10) {
            let workplace = Workplace(in: FaultyDisk.memory)
            var random = Self.generator(of: queue)
            var journal = LoadJournal(leasesRunOut: true)
            let process = try ChildProcess(
                besideTests: "KilledScenario", ["load", workplace.path, "0", "20", "never"])
            for _ in 0..<10 {
                // It has worked since the last stop, however busy the machine is.
                let noted = Self.noted(workplace)
                while process.isRunning, Self.noted(workplace) < noted + 400 {
                    try await Task.sleep(for: .milliseconds(1))
                }
                try await Task.sleep(for: .microseconds(Int.random(in: 0..<5_000, using: &random)))
                process.send(SIGSTOP)
                try await Task.sleep(for: .milliseconds(30))
                process.send(SIGCONT)
            }
            try await Task.sleep(for: .milliseconds(10))
            process.send(SIGKILL)
            let context = "seed \(Self.seed), queue \(queue)"
            #expect(await process.ended() == .killed(by: SIGKILL), "\(context)")
            try await check(workplace, &journal, hasSkipped: false, context)
            total.add(journal.counts)
        }
        #expect(total.late > 0)
        print("stops: seed \(Self.seed), \(stops) stops, \(total)")
    }

    /// Bytes of the journal.
    private static func noted(_ workplace: Workplace) -> Int { DurableFile.size(of: workplace.path + ".journal") ?? 0 }

    private static func generator(of queue: Int) -> SeededGenerator {
        SeededGenerator(state: (seed << 32 | UInt64(queue)) &* 0x9e37_79b9_7f4a_7c15 | 1)
    }

    /// As `MixedLoad` takes it: at a time, or at a call, which opening and recovery make about a hundred of.
    private static func end(_ random: inout SeededGenerator) -> String {
        switch Int.random(in: 0..<5, using: &random) {
        case 0, 1: "after=\(Int.random(in: 0..<60_000, using: &random))"
        case 2, 3: "call=\(Int.random(in: 1..<1_500, using: &random))"
        default: "torn=\(Int.random(in: 1..<1_500, using: &random))"
        }
    }

    private func check(
        _ workplace: Workplace, _ journal: inout LoadJournal, hasSkipped: Bool, _ context: String
    ) async throws {
        let log = DurableFile.size(of: workplace.path + "-wal") ?? 0
        #expect(log < 32 << 20, "\(context): the log has \(log) bytes")
        let store = try JobStore(path: workplace.path)
        for problem in try await journal.problems(of: store, hasSkipped: hasSkipped) {
            Issue.record("\(context): \(problem)")
        }
        try await store.close()
    }
}

extension LoadJournal.Counts {
    fileprivate mutating func add(_ other: Self) {
        acknowledged += other.acknowledged
        succeeded += other.succeeded
        cancelled += other.cancelled
        late += other.late
        setAside += other.setAside
    }
}
