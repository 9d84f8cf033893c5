import Testing

@testable import Captioning

struct ProgressTests {
    @Test func `rates are those of the work of this run`() {
        var progress = Progress(total: 20, skipped: 3, now: .seconds(100))
        for _ in 0..<5 { progress.restore() }
        for second in 1...5 { progress.caption(tokens: 30, now: .seconds(100 + second)) }
        #expect(progress.done == 10)
        #expect(progress.imagesPerSecond(now: .seconds(105)) == 1)
        #expect(progress.tokensPerSecond(now: .seconds(105)) == 30)
        #expect(progress.remainingTime(now: .seconds(105)) == .seconds(10))
    }

    @Test func `rates forget what was a minute ago`() {
        var progress = Progress(total: 1000)
        for second in 0..<60 { for _ in 0..<10 { progress.caption(tokens: 1, now: .seconds(second)) } }
        #expect(progress.imagesPerSecond(now: .seconds(60)) == 10)
        for second in 60..<121 { progress.caption(tokens: 1, now: .seconds(second)) }
        #expect(progress.imagesPerSecond(now: .seconds(120)) < 1.1)
    }

    @Test func `there is no estimate without work to tell from`() {
        let progress = Progress(total: 5)
        #expect(progress.remainingTime(now: .seconds(9)) == nil)
        #expect(progress.imagesPerSecond(now: .zero) == 0)
    }

    @Test func `a person sees a line drawn over itself that fits the terminal`() {
        var progress = Progress(total: 4)
        progress.caption(tokens: 8, now: .seconds(1))
        progress.fail(now: .seconds(2))
        let wide = ProgressStyle.terminal(width: 120).progress(progress, now: .seconds(2))
        #expect(wide == "\r[###############---------------] 2/4  1 failed  1.0 images/s  4 tokens/s  2 s left\u{1B}[K")
        let narrow = ProgressStyle.terminal(width: 20).progress(progress, now: .seconds(2))
        #expect(narrow.count <= 20 + 4)
    }

    @Test func `a program reads one JSON object a line`() {
        var progress = Progress(total: 4, skipped: 2)
        progress.caption(tokens: 8, now: .seconds(1))
        #expect(
            ProgressStyle.jsonLines.progress(progress, now: .seconds(2)) == """
                {"captioned":1,"completion_tokens":8,"done":1,"eta_seconds":6,"event":"progress","failed":0,\
                "images_per_second":0.5,"skipped":2,"tokens_per_second":4,"total":4}

                """)
        let failure = ImageFailure(path: "a\n.jpg", code: "c", message: "m")
        #expect(
            ProgressStyle.jsonLines.failure(failure)
                == "{\"code\":\"c\",\"event\":\"failed\",\"message\":\"m\",\"path\":\"a\\n.jpg\"}\n")
    }

    @Test(arguments: [(59, "59 s"), (61, "1 min 1 s"), (3_725, "1 h 2 min")])
    func `times are told in two units`(seconds: Int, words: String) {
        #expect(ProgressText.words(.seconds(seconds)) == words)
    }

    @Test(arguments: [
        (1, 0, 0, Int32(0)), (1, 1, 0, 2), (0, 2, 0, 2), (0, 0, 0, 3), (1, 1, 1, 1), (0, 0, 4, 1),
    ])
    func `the exit status tells how a run ended`(captioned: Int, failed: Int, remaining: Int, status: Int32) {
        var summary = CaptionSummary()
        (summary.captioned, summary.failed, summary.remaining) = (captioned, failed, remaining)
        #expect(summary.exitStatus == status)
    }
}
