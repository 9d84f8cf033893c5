import NIOHTTP1
import Testing

@testable import ModelHub

struct PullProgressTests {
    @Test func `bytes that were there count as done and not as speed`() {
        var progress = PullProgress()
        progress.take(.needed(file: "a", bytes: 1000), now: .zero)
        progress.take(.resumed(file: "a", bytes: 400), now: .zero)
        #expect(progress.remainingTime(now: .seconds(1)) == nil)
        progress.take(.received(bytes: 200), now: .seconds(2))
        #expect(progress.presentBytes == 600 && progress.totalBytes == 1000)
        #expect(progress.bytesPerSecond(now: .seconds(2)) == 100)
        #expect(progress.remainingTime(now: .seconds(2)) == .seconds(4))
        progress.take(.discarded(file: "a", bytes: 600, reason: ""), now: .seconds(2))
        #expect(progress.presentBytes == 0 && progress.finishedFiles == 0)
        progress.take(.finished(file: "a"), now: .seconds(2))
        progress.take(.present(file: "b", bytes: 7), now: .seconds(2))
        #expect(progress.finishedFiles == 2 && progress.presentBytes == 7)
    }

    @Test func `a few bytes promise no time`() {
        var progress = PullProgress()
        progress.take(.needed(file: "a", bytes: 1 << 40), now: .zero)
        progress.take(.received(bytes: 3), now: .seconds(1))
        #expect(progress.remainingTime(now: .seconds(1)) == nil)
    }

    @Test func `the speed is that of the last moments`() {
        var progress = PullProgress()
        progress.take(.needed(file: "a", bytes: 1_000_000), now: .zero)
        progress.take(.received(bytes: 500_000), now: .seconds(1))
        for second in 60..<80 { progress.take(.received(bytes: 10), now: .seconds(second)) }
        #expect(progress.bytesPerSecond(now: .seconds(80)) == 10)
    }
}

struct RetryPatienceTests {
    private let broken = HubError.broken(url: "u", reason: "r")

    @Test func `tries in vain are limited in a row, and waits grow`() {
        var patience = RetryPatience()
        let pauses = (0..<6).map { _ in patience.pause(after: broken, received: 10) }
        #expect(pauses == [.seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(16), nil])
    }

    @Test func `a try that brought much begins a new row`() {
        var patience = RetryPatience()
        for _ in 0..<20 {
            #expect(patience.pause(after: broken, received: RetryPatience.substantialBytes) == .seconds(1))
            #expect(patience.pause(after: broken, received: 0) == .seconds(2))
        }
    }

    @Test func `what another try cannot help is not tried again`() {
        var patience = RetryPatience()
        #expect(patience.pause(after: .diskFull(path: "p"), received: 1 << 30) == nil)
        #expect(patience.pause(after: .wrongSize(file: "f", expected: 1, found: "2"), received: 0) == nil)
        #expect(patience.pause(after: .busy(url: "u", status: 429, seconds: 601), received: 0) == nil)
        #expect(patience.pause(after: .busy(url: "u", status: 429, seconds: 600), received: 0) == .seconds(600))
    }
}

struct HubFactsTests {
    @Test func `the hub's own answers are put together on the way to the file`() {
        var facts = HubFacts()
        facts.add(
            ["x-repo-commit": "c", "x-linked-etag": "\"s\"", "x-linked-size": "7", "etag": "\"pointer\""],
            isContent: false)
        facts.add(["content-length": "9"], isContent: false)
        #expect(facts.commit == "c" && facts.etag == "s" && facts.byteCount == 7)
        facts.add(["etag": "W/\"git\"", "content-length": "3"], isContent: true)
        #expect(facts.commit == "c" && facts.etag == "git" && facts.byteCount == 3)
    }

    @Test(
        arguments: [
            ("bytes 5-9/10", 5, 10), ("bytes 0-0/*", 0, nil), ("bytes */10", nil, nil), ("bytes 5-9", nil, nil),
            ("items 5-9/10", nil, nil), ("bytes -5-9/10", nil, nil), ("bytes 5-9/x", nil, nil), ("", nil, nil),
            ("bytes 99999999999999999999-1/2", nil, nil),
        ] as [(String, Int?, Int?)])
    func `a range says where it lies`(text: String, start: Int?, total: Int?) {
        #expect(ContentRange(text)?.start == start && ContentRange(text)?.total == total)
    }
}
