import Foundation
import Testing

/// Real processes, real signals: what an interrupted or killed run leaves, and what the next makes of it.
@Suite(.serialized)
struct CaptionInterruptionTests {
    @Test(.timeLimit(.minutes(5)))
    func `Control-C ends a run well, and the same command goes on`() async throws {
        let docent = try DocentProcess(images: 60)
        let arguments = ["caption", docent.images, "--output", docent.path("o.jsonl"), "--threads", "1"]
        let running = try docent.start(arguments)
        #expect(try await eventually { (docent.text("o.jsonl") ?? "").contains("\n") })
        running.send(SIGINT)
        let interrupted = await running.ended()
        #expect(interrupted.status == 1)
        #expect(interrupted.errors.contains("same command again"))
        let done = docent.text("o.jsonl")?.split(separator: "\n") ?? []
        #expect((1..<60).contains(done.count))
        let ended = try await docent.start(arguments).ended()
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.errors.contains(#""skipped":\#(done.count)"#))
        let rows = docent.text("o.jsonl")?.split(separator: "\n") ?? []
        #expect(Array(rows.prefix(done.count)) == done, "finished rows are neither moved nor made again")
        try checkRows(docent, images: 60)
    }

    @Test(.timeLimit(.minutes(5)))
    func `kill -9 at random moments leaves every image with one caption and no half-written file`() async throws {
        let counts = try await killRounds(kills: 6, seed: 1)
        #expect(counts.kills >= 6)
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["DOCENT_LONG_TESTS"] != nil), .timeLimit(.minutes(60)))
    func `a hundred kills and more change nothing`() async throws {
        let seed = UInt64(ProcessInfo.processInfo.environment["DOCENT_SEED"] ?? "") ?? 20
        let counts = try await killRounds(kills: 120, seed: seed)
        print(
            "kill test: seed \(seed), \(counts.kills) kills over \(counts.rounds) rounds and \(counts.images) images, "
                + "\(counts.startUp) before the first caption, 0 lost, 0 doubled, 0 half-written")
        #expect(counts.kills >= 120)
    }

    private struct Counts {
        var kills = 0, rounds = 0, images = 0
        /// Kills that came before a run had finished anything.
        var startUp = 0
    }

    /// Rounds of a fresh folder each, killed again and again until a run gets through between two kills.
    private func killRounds(kills: Int, seed: UInt64) async throws -> Counts {
        var counts = Counts()
        var random = SplitMix(state: seed)
        while counts.kills < kills {
            let images = 24
            let docent = try DocentProcess(images: images)
            let arguments = ["caption", docent.images, "--output", docent.path("o.jsonl"), "--sidecar", "txt"]
            var status: Int32 = 128 + SIGKILL
            while status == 128 + SIGKILL, counts.kills < kills {
                let before = docent.text("o.jsonl")?.utf8.count ?? 0
                let running = try docent.start(arguments)
                try await Task.sleep(for: .milliseconds(Int.random(in: 50...1200, using: &random)))
                running.send(SIGKILL)
                status = await running.ended().status
                try checkSidecars(docent, images: images, mayLack: true)
                if status == 128 + SIGKILL {
                    counts.kills += 1
                    counts.startUp += (docent.text("o.jsonl")?.utf8.count ?? 0) == before ? 1 : 0
                }
            }
            let last = try await docent.start(arguments).ended()
            #expect([0, 3].contains(last.status), "\(last.errors)")
            try checkRows(docent, images: images)
            try checkSidecars(docent, images: images, mayLack: false)
            let left = try FileManager.default.contentsOfDirectory(atPath: docent.images)
            #expect(left.count == 2 * images, "only images and sidecars are left")
            #expect(!FileManager.default.fileExists(atPath: docent.path("o.failures.jsonl")))
            counts.rounds += 1
            counts.images += images
        }
        return counts
    }

    private func checkRows(_ docent: DocentProcess, images: Int) throws {
        var captions: [String: [String]] = [:]
        for line in (docent.text("o.jsonl") ?? "").split(separator: "\n") {
            let row = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            captions[row["path"] as? String ?? "", default: []].append(row["caption"] as? String ?? "")
        }
        #expect(captions.count == images)
        for index in 0..<images {
            #expect(captions[DocentProcess.name(of: index)] == [DocentProcess.caption(of: index)])
        }
    }

    /// A sidecar is there whole or not at all, at any moment.
    private func checkSidecars(_ docent: DocentProcess, images: Int, mayLack: Bool) throws {
        for index in 0..<images {
            let text = docent.text("images/\(DocentProcess.name(of: index)).txt")
            #expect(text == DocentProcess.caption(of: index) + "\n" || mayLack && text == nil)
        }
    }
}

/// A small seeded generator: a failing round can be run again.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
