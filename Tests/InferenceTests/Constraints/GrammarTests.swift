import Testing

@testable import Inference

@Suite(.aside) struct GrammarTests {
    private static let arithmetic = """
        # sums and products
        root   ::= sum
        sum    ::= product (("+" | "-") product)*
        product ::= factor ("*" factor)*   # no division
        factor ::= [0-9]{1,3} | "(" sum ")" |
                   name
        name   ::= [a-z_] [a-z0-9_]*
        """

    @Test func `a grammar with recursion is followed`() throws {
        for text in ["1", "1+2*x_1", "((a))*(3-(4))"] {
            #expect(try ConstraintReading.allows(.grammar(Self.arithmetic), text), "\(text)")
        }
        for text in ["", "1+", "(1", "1)", "1234", "1/2", "X"] {
            #expect(try !ConstraintReading.allows(.grammar(Self.arithmetic), text), "\(text)")
        }
    }

    @Test func `literals, classes and repetitions have the notation's escapes`() throws {
        let grammar = #"root ::= "a\n\"\\\x41" [^\]\-x]+ . ("b"){2} "c"{1,} "d"?"#
        #expect(try ConstraintReading.allows(.grammar(grammar), "a\n\"\\Aéébbc"))
        #expect(try ConstraintReading.allows(.grammar(grammar), "a\n\"\\Aa😀bbccd"))
        #expect(try !ConstraintReading.allows(.grammar(grammar), "a\n\"\\A]zbbc"))
    }

    @Test func `recursion at the end of a rule goes on for as long as it likes`() throws {
        let grammar = "root ::= item root | item\nitem ::= \"ab\""
        #expect(try ConstraintReading.allows(.grammar(grammar), String(repeating: "ab", count: 500)))
    }

    @Test func `recursion in the middle goes as deep as there are frames, and never into a dead end`() throws {
        let grammar = "root ::= \"(\" root \")\" | \"x\""
        func nested(_ depth: Int) -> String {
            String(repeating: "(", count: depth) + "x" + String(repeating: ")", count: depth)
        }
        #expect(try ConstraintReading.allows(.grammar(grammar), nested(ConstraintLimits.frames)))
        #expect(try !ConstraintReading.allows(.grammar(grammar), nested(ConstraintLimits.frames + 1)))
        var cursor = try ConstraintReading.bytes.compile(.grammar(grammar)).cursor()
        for _ in 0..<ConstraintLimits.frames { try cursor.advance(0x28) }
        #expect(try cursor.mask().contains(0x78))
        #expect(try !cursor.mask().contains(0x28))
    }

    @Test(arguments: [
        ("a ::= \"x\"", 1, "root"), ("root ::= \"x\"\nroot ::= \"y\"", 2, "twice"), ("root ::= foo", 1, "foo"),
        ("root = \"x\"", 1, "::="), ("root ::= \"x", 1, "no end"), ("root ::= (\"x\"", 1, "no end"),
        ("root ::= [a", 1, "no end"), ("root ::= \"x\"{3,2}", 1, "maximum"), ("root ::= \"\\q\"", 1, "escape"),
        ("root ::=\n *", 2, "expected"), ("start: \"x\"", 1, "::="), ("root ::= (=\"x\")", 1, "lookahead"),
    ])
    func `a malformed grammar is refused with its line`(grammar: String, line: Int, reason: String) {
        guard case .malformedGrammar(line, let found) = ConstraintReading.refusal(of: .grammar(grammar)) else {
            Issue.record("\(grammar): \(String(describing: ConstraintReading.refusal(of: .grammar(grammar))))")
            return
        }
        #expect(found.contains(reason))
    }

    @Test(arguments: [
        "root ::= root \"a\" | \"b\"", "root ::= x \"a\" | \"b\"\nx ::= y? root\ny ::= \"c\"", "root ::= root",
        "root ::= \"a\" root",
    ])
    func `a rule that begins with itself or never ends is refused`(grammar: String) {
        guard case .unsatisfiable = ConstraintReading.refusal(of: .grammar(grammar)) else {
            Issue.record("\(grammar) was taken")
            return
        }
    }
}
