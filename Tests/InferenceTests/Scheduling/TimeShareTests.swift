import Testing

@testable import Inference

struct TimeShareTests {
    /// Seconds that the second of two kinds of work has of `total`, when an action takes `first` or `second` milliseconds.
    private func secondsShare(_ first: Int, _ second: Int, parts: Int, total: Int = 100_000) -> Double {
        var share = TimeShare()
        var time = (first: 0, second: 0)
        while time.first + time.second < total {
            if share.isSecondNext(first: true, second: true, parts: parts) {
                share.note(second: .milliseconds(second))
                time.second += second
            } else {
                share.note(first: .milliseconds(first))
                time.first += first
            }
        }
        return Double(time.second) / Double(total)
    }

    private func isSecondNext(_ share: inout TimeShare, first: Bool = true, second: Bool = true, parts: Int) -> Bool {
        share.isSecondNext(first: first, second: second, parts: parts)
    }

    @Test(arguments: [(50, 10), (10, 50), (220, 9), (1, 1), (30, 200)])
    func `time is divided as asked, whatever one action takes`(first: Int, second: Int) {
        #expect(abs(secondsShare(first, second, parts: 1) - 1.0 / 2) < 0.01)
        #expect(abs(secondsShare(first, second, parts: 7) - 1.0 / 8) < 0.01)
    }

    @Test func `without the other, each goes on and owes nothing for it`() {
        var share = TimeShare()
        #expect(!isSecondNext(&share, second: false, parts: 1))
        share.note(first: .seconds(100))
        #expect(!isSecondNext(&share, parts: 1))
        #expect(share.owed == .zero)
        #expect(isSecondNext(&share, first: false, parts: 1))
        share.note(second: .seconds(100))
        #expect(!isSecondNext(&share, parts: 1))
        share.note(first: .seconds(101))
        #expect(isSecondNext(&share, parts: 1))
        #expect(!isSecondNext(&share, first: false, second: false, parts: 1))
    }

    @Test func `what was owed by another measure is forgotten`() {
        var share = TimeShare()
        #expect(!isSecondNext(&share, parts: 1))
        share.note(first: .seconds(100))
        #expect(!isSecondNext(&share, parts: 7))
        share.note(first: .milliseconds(7))
        #expect(share.owed == .milliseconds(1))
    }
}
