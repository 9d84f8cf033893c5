import Foundation
import Testing

/// Real processes killed at random moments: whatever a run leaves, the next makes the right thing of it.
@Suite(.serialized)
struct CaptionKillTests {
    @Test(.timeLimit(.minutes(5)), arguments: zip(KilledRun.all, [4, 2, 2]))
    func `kill -9 at random moments leaves every image with one caption and no half-written file`(
        run: KilledRun, kills: Int
    ) async throws {
        #expect(try await killRounds(of: run, kills: kills, seed: 1).kills >= kills)
    }

    @Test(
        .enabled(if: ProcessInfo.processInfo.environment["DOCENT_LONG_TESTS"] != nil), .timeLimit(.minutes(60)),
        arguments: KilledRun.all)
    func `a hundred kills and more change nothing`(run: KilledRun) async throws {
        let seed = UInt64(ProcessInfo.processInfo.environment["DOCENT_SEED"] ?? "") ?? 20
        let counts = try await killRounds(of: run, kills: 120, seed: seed)
        print(
            "kill test: \(run.testDescription), seed \(seed), \(counts.kills) kills over \(counts.rounds) rounds and "
                + "\(counts.images) images, \(counts.startUp) before the first caption, 0 lost, 0 doubled, 0 half-written"
        )
        #expect(counts.kills >= 120)
    }

    private struct Counts {
        var kills = 0, rounds = 0, images = 0
        /// Kills that came before a run had finished anything.
        var startUp = 0
    }

    /// Rounds of a fresh folder each, killed again and again until a run gets through between two kills.
    private func killRounds(of run: KilledRun, kills: Int, seed: UInt64) async throws -> Counts {
        var counts = Counts()
        var random = SplitMix(state: seed)
        while counts.kills < kills {
            let images = 16
            let docent = try DocentProcess(images: images)
            let arguments = ["caption", docent.images] + run.arguments(in: docent)
            try run.prepare(docent)
            var isKilled = true
            while isKilled, counts.kills < kills {
                let before = run.size(in: docent)
                let running = try docent.start(arguments)
                let delay = Duration.milliseconds(Int.random(in: 50...1200, using: &random))
                _ = await running.signal(SIGKILL, after: delay)
                isKilled = await running.ended().status == 128 + SIGKILL
                try run.checkSidecars(docent, images: images, mayLack: true)
                guard isKilled else { break }
                run.checkUnfinished(docent)
                counts.kills += 1
                counts.startUp += run.size(in: docent) == before ? 1 : 0
            }
            let last = try await docent.start(arguments).ended()
            #expect([0, 3].contains(last.status), "\(last.errors)")
            try run.checkRows(docent, images: images)
            try run.checkSidecars(docent, images: images, mayLack: false)
            let left = try FileManager.default.contentsOfDirectory(atPath: docent.images)
            #expect(left.count == 2 * images, "only images and sidecars are left")
            for name in ["o.failures.jsonl", run.output + ".partial"] {
                #expect(!FileManager.default.fileExists(atPath: docent.path(name)))
            }
            counts.rounds += 1
            counts.images += images
        }
        return counts
    }
}
