import Testing

@testable import Inference

@Suite(.aside) struct RegexTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let regex: String
        let matches: [String]
        let others: [String]

        var testDescription: String { regex }
    }

    static let cases: [Case] = [
        Case(regex: "abc", matches: ["abc"], others: ["", "ab", "abcd", "ABC"]),
        Case(regex: "^abc$", matches: ["abc"], others: ["ab"]),
        Case(regex: "a|bc|", matches: ["a", "bc", ""], others: ["abc", "b"]),
        Case(regex: "(?:a|b)c", matches: ["ac", "bc"], others: ["c", "abc"]),
        Case(regex: "(?<year>\\d{4})-(?P<month>\\d\\d)", matches: ["2026-11"], others: ["26-11"]),
        Case(regex: "a*b+c?", matches: ["b", "aabbc", "bb"], others: ["a", "ac", "bcc"]),
        Case(regex: "a{2}b{1,}c{0,2}d{,1}", matches: ["aab", "aabbccd"], others: ["ab", "aabccc", "aabdd"]),
        Case(regex: "a+?b*?", matches: ["a", "aab"], others: ["b"]),
        Case(regex: "(ab){2,3}", matches: ["abab", "ababab"], others: ["ab", "abababab"]),
        Case(regex: "(a*)*b", matches: ["b", "aaab"], others: ["a"]),
        Case(regex: "[a-cx-]+", matches: ["abc", "x-", "-"], others: ["d", "w"]),
        Case(regex: "[^a-c]", matches: ["d", "é", "😀", "\n"], others: ["a", "", "dd"]),
        Case(regex: "[\\]\\\\^-]", matches: ["]", "\\", "^", "-"], others: ["a"]),
        Case(regex: ".", matches: ["a", "é", "漢", "😀"], others: ["", "\n", "ab"]),
        Case(regex: "\\d\\w\\s", matches: ["1a ", "0_\t"], others: ["٣a ", "1é ", "1a_"]),
        Case(regex: "\\D\\W\\S", matches: ["a-b", "éüa"], others: ["1-b", "aab", "a- "]),
        Case(regex: "[\\d_]{2}", matches: ["1_"], others: ["1a"]),
        Case(regex: "\\p{Lu}\\p{Ll}+", matches: ["Éa", "Ωω"], others: ["éa", "A1"]),
        Case(regex: "\\P{L}", matches: ["1", " "], others: ["a", "é"]),
        Case(regex: "\\x41\\u00e9\\u{1F600}\\.\\/", matches: ["Aé😀./"], others: ["Aé😀x/"]),
        Case(regex: "[à-ÿ]+", matches: ["é", "çé"], others: ["e", "Ā"]),
        Case(
            regex: "[\u{7f0}-\u{810}\u{ffff}-\u{10005}]", matches: ["\u{7ff}", "\u{800}", "\u{ffff}", "\u{10000}"],
            others: ["\u{7ef}", "\u{811}", "\u{10006}"]),
        Case(regex: "a{x}{1", matches: ["a{x}{1"], others: ["ax"]),
        Case(regex: "\\n\\r\\t\\f\\v\\0", matches: ["\n\r\t\u{c}\u{b}\0"], others: ["n"]),
        Case(regex: "(0|[1-9]\\d*)(\\.\\d+)?", matches: ["0", "10.5"], others: ["01", "1.", ".5"]),
    ]

    @Test(arguments: cases)
    func `a regular expression is kept by those texts that match it`(example: Case) throws {
        for text in example.matches { #expect(try ConstraintReading.allows(.regex(example.regex), text), "\(text)") }
        for text in example.others { #expect(try !ConstraintReading.allows(.regex(example.regex), text), "\(text)") }
    }

    @Test(arguments: [
        ("(?=a)b", "look-around", 0), ("a(?!b)", "look-around", 1), ("(?<=a)b", "look-around", 0),
        ("(?<!a)b", "look-around", 0), ("(a)\\1", "a back-reference", 3), ("\\k<a>", "a back-reference", 0),
        ("a\\b", "a word boundary", 1), ("(?i)a", "flags or another extension", 0), ("(?>a)", "an atomic group", 0),
        ("a++", "a possessive quantifier", 2), ("a^b", "an anchor that is not at an end", 1),
        ("a$b", "an anchor that is not at an end", 1), ("(^a)", "an anchor that is not at an end", 1),
        ("[[:alpha:]]", "a POSIX class", 1), ("\\p{Greek}", "the property Greek", 0), ("\\Aa", "the anchor \\A", 0),
        ("\\cA", "the escape \\c", 0),
    ])
    func `what an automaton cannot follow is refused by its name and place`(
        regex: String, feature: String, position: Int
    ) {
        #expect(
            ConstraintReading.refusal(of: .regex(regex)) == .unsupportedRegex(feature: feature, position: position))
    }

    @Test(arguments: ["(a", "a)", "[a", "*a", "a**", "[b-a]", "a{3,2}", "\\", "\\x4", "[]", "a|*", "\\u{110000}"])
    func `a malformed expression is refused`(regex: String) {
        guard case .malformedRegex = ConstraintReading.refusal(of: .regex(regex)) else {
            Issue.record("\(regex) was taken")
            return
        }
    }
}
