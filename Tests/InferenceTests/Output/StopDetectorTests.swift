import Testing

@testable import Inference

struct StopDetectorTests {
    struct Case: Sendable {
        let stops: [String]
        let text: String
        let expected: String
        let stop: String?
        var includesStop = false
    }

    private static let cases = [
        Case(stops: [], text: "all of it", expected: "all of it", stop: nil),
        Case(stops: ["STOP"], text: "go STOP now", expected: "go ", stop: "STOP"),
        Case(stops: ["STOP"], text: "go STOP now", expected: "go STOP", stop: "STOP", includesStop: true),
        Case(stops: ["STOP"], text: "go STO", expected: "go STO", stop: nil),
        Case(stops: ["aab"], text: "aaaab!", expected: "aa", stop: "aab"),
        Case(stops: ["abab!"], text: "abababab!x", expected: "abab", stop: "abab!"),
        Case(stops: ["\n\n"], text: "a\nb\n\nc", expected: "a\nb", stop: "\n\n"),
        Case(stops: ["abc", "b"], text: "xabc", expected: "xa", stop: "b"),
        Case(stops: ["c", "abc"], text: "xabc", expected: "x", stop: "abc"),
        Case(stops: ["é"], text: "cafe\u{301} café", expected: "cafe\u{301} caf", stop: "é"),
        Case(stops: ["👩‍👩"], text: "a👩‍👧b👩‍👩c", expected: "a👩‍👧b", stop: "👩‍👩"),
        Case(stops: ["\r"], text: "a\r\nb", expected: "a", stop: "\r"),
    ]

    @Test(arguments: cases.indices, 0..<8)
    func `the result does not depend on how the text is cut`(index: Int, seed: Int) {
        let item = Self.cases[index]
        var random = SeededGenerator(seed)
        var detector = StopDetector(stops: item.stops, includesStop: item.includesStop)
        var text = "", stop: String?
        var scalars = item.text.unicodeScalars[...]
        while !scalars.isEmpty && stop == nil {
            let piece = scalars.prefix(Int.random(in: 1...4, using: &random))
            scalars = scalars.dropFirst(piece.count)
            let finding = detector.push(String(String.UnicodeScalarView(piece)))
            text += finding.text
            stop = finding.stop
        }
        text += detector.finish()
        #expect(Array(text.utf8) == Array(item.expected.utf8))
        #expect(stop == item.stop)
    }

    @Test func `only what may become a stop text is held back`() {
        var detector = StopDetector(stops: ["</end>"], includesStop: false)
        let texts = ["a <b", " </e", "x"].map { detector.push($0).text }
        #expect(texts == ["a <b", " ", "</ex"])
    }

    @Test func `passed text counts for no stop text`() {
        var detector = StopDetector(stops: ["ab"], includesStop: false)
        let held = detector.push("a"), passed = detector.pass("b")
        let single = detector.push("b"), whole = detector.push("ab")
        #expect(held == .init(text: ""))
        #expect(passed == "ab")
        #expect(single == .init(text: "b"))
        #expect(whole == .init(text: "", stop: "ab"))
    }
}
