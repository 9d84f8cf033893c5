import Foundation
import Testing

@testable import Jobs

/// Measures what Sources/Jobs/DESIGN.md states; part of the long tests. Figures depend on the disk: print, then judge.
@Suite(.enabled(if: CrashTests.isLong), .serialized)
struct ThroughputTests {
    let workplace = Workplace()

    @Test(arguments: [1, 8, 64])
    func `submitting gets faster with more submitters`(submitters: Int) async throws {
        let store = try workplace.store()
        let each = 2000 / submitters
        let time = try await ContinuousClock().measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<submitters {
                    group.addTask { for _ in 0..<each { _ = try await store.submit(.chat, .numbered(0..<1)) } }
                }
                try await group.waitForAll()
            }
        }
        let statistics = try await store.statistics()
        report("\(submitters) submitters", each * submitters, time, commits: statistics.commits)
        #expect(statistics.waitingInteractive == each * submitters)
    }

    @Test(arguments: [1, 8, 64])
    func `claiming and completing gets faster with more in flight`(inFlight: Int) async throws {
        let store = try workplace.store()
        _ = try await store.submit(.bulk(), .numbered(0..<10_000))
        let before = try await store.statistics().commits
        let total = 2048
        let time = try await ContinuousClock().measure {
            for _ in 0..<(total / inFlight) {
                let claims = try await store.claim(upTo: inFlight, for: .ada)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for claim in claims { group.addTask { _ = try await store.complete(claim, result: "a caption") } }
                    try await group.waitForAll()
                }
            }
        }
        report(
            "claim and complete, \(inFlight) in flight", total, time,
            commits: try await store.statistics().commits - before)
        #expect(try await store.statistics().waitingBulk == 10_000 - total)
    }

    @Test func `pausing and cancelling a long job takes less than a second for 100,000 requests`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.openJob(.bulk())
        let appending = try await ContinuousClock().measure {
            for chunk in 0..<100 {
                _ = try await store.append(.numbered(chunk * 1000..<(chunk + 1) * 1000), to: job.id)
            }
        }
        report("append by 1,000", 100_000, appending, commits: 100)
        let pausing = try await ContinuousClock().measure { _ = try await store.pause(job.id) }
        let claiming = try await ContinuousClock().measure { _ = try await store.claim(upTo: 64, for: .ada) }
        let cancelling = try await ContinuousClock().measure { _ = try await store.cancel(job.id) }
        print("pause \(pausing), claim beside it \(claiming), cancel \(cancelling)")
        #expect(claiming < .milliseconds(100) && pausing < .seconds(5) && cancelling < .seconds(10))
    }

    private func report(_ what: String, _ count: Int, _ time: Duration, commits: Int) {
        print("\(what): \(Int(Double(count) / (time / .seconds(1)))) a second, \(count) in \(commits) commits")
    }
}
