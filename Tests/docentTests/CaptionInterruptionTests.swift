import Foundation
import Testing

/// A run that is asked to stop, and what the next makes of it; `CaptionKillTests` has those that are not asked.
struct CaptionInterruptionTests {
    @Test(.timeLimit(.minutes(5)))
    func `Control-C ends a run well, and the same command goes on`() async throws {
        let docent = try DocentProcess(images: 60)
        let arguments = ["caption", docent.images, "--output", docent.path("o.jsonl"), "--threads", "1"]
        let running = try docent.start(arguments)
        #expect(await running.signal(SIGINT, once: { (docent.text("o.jsonl") ?? "").contains("\n") }))
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
        try KilledRun.all[0].checkRows(docent, images: 60)
    }
}
