import Models
import Testing

@testable import Inference

@Suite(.aside) struct ConstraintMaskTests {
    private static let schema = #"""
        {"type":"object","properties":{"name":{"type":"string","maxLength":120},"note":{"type":"string"},
        "tags":{"type":"array","items":{"type":"string","pattern":"^[a-z ]+$"}},"any":{}},"required":["name","note","any"]}
        """#

    static let sources: [OutputConstraint] = [
        .jsonSchema(schema), .jsonObject(), .regex(#"\w+( [^a]{0,90}|x.*y)"#), .choice(["yes", "yesterday", "no"]),
        .grammar("root ::= \"(\" root \")\" | [a-z]+ | root2\nroot2 ::= \"<\" root \">\""),
    ]

    @Test(arguments: sources)
    func `a mask is what trying every token gives, wherever an answer has come to`(source: OutputConstraint) throws {
        let tokenizer = try ConstraintReading.miniTokenizer.get()
        let constraint = try ConstraintReading.mini().compile(source)
        var random = SeededGenerator(5)
        for _ in 0..<2 {
            var cursor = constraint.cursor()
            for _ in 0..<12 where !cursor.isComplete {
                let mask = try cursor.mask()
                let tried = try (0..<Int32(tokenizer.vocabularySize)).filter { try cursor.allows($0) }
                #expect(tried == (0..<Int32(tokenizer.vocabularySize)).filter(mask.contains))
                guard let token = tried.randomElement(using: &random) else { break }
                try cursor.advance(token)
            }
        }
    }

    @Test func `special tokens, ends and tokens without text are in no mask`() throws {
        let tokenizer = try ConstraintReading.miniTokenizer.get()
        let mask = try ConstraintReading.mini().compile(.regex(".*")).cursor().mask()
        for token in 0..<Int32(tokenizer.vocabularySize) where tokenizer.isSpecial(token) {
            #expect(!mask.contains(token))
        }
        #expect(!mask.isEmpty)
    }

    @Test func `a mask makes all other tokens impossible, also those beyond the vocabulary`() {
        var mask = TokenMask(words: 2)
        for token: Int32 in [0, 63, 64, 127] { mask.insert(token) }
        var logits = [Float](repeating: 1, count: 200)
        mask.apply(to: &logits)
        #expect(logits.indices.filter { logits[$0] == 1 } == [0, 63, 64, 127])
        #expect(logits.allSatisfy { $0 == 1 || $0 == -.infinity })
        var few = [Float](repeating: 1, count: 65)
        mask.apply(to: &few)
        #expect(few.indices.filter { few[$0] == 1 } == [0, 63, 64])
    }

    @Test func `what was forgotten because it was too much is found again`() throws {
        let constraint = try ConstraintReading.bytes.compile(.regex("(a|b)*a(a|b){15}c"))
        var random = SeededGenerator(3)
        var cursor = constraint.cursor()
        var text: [Int32] = []
        for _ in 0..<10_000 {
            let token: Int32 = Bool.random(using: &random) ? 97 : 98
            try cursor.advance(token)
            text.append(token)
            #expect(try cursor.allows(99) == (text.count >= 16 && text[text.count - 16] == 97))
        }
    }

    @Test func `parts compose, and a tool call is a sequence of them`() throws {
        let arguments = OutputConstraint.jsonSchema(
            #"{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"]}"#)
        let call = OutputConstraint.sequence([
            .literal("<tool_call>\n{\"name\": \"f\", \"arguments\": "), arguments, .literal("}\n</tool_call>"),
        ])
        let text = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": true}}\n</tool_call>"
        #expect(try ConstraintReading.allows(call, text))
        #expect(try !ConstraintReading.allows(call, text + "\n"))
        let calls = OutputConstraint.repeated(
            .anyOf([call, .grammar("root ::= x\nx ::= \"none\"")]), separator: "\n", atMost: 2)
        #expect(try ConstraintReading.allows(calls, text))
        #expect(try ConstraintReading.allows(calls, text + "\nnone"))
        #expect(try !ConstraintReading.allows(calls, "none\nnone\nnone"))
    }

    @Test func `a constraint is compiled once and forgotten after enough others`() throws {
        let compiler = ConstraintCompiler(tokenizer: ByteTokenizer.tokenizer, endTokens: [])
        let first = try compiler.compile(.regex("a"))
        #expect(try compiler.compile(.regex("a")) === first)
        for count in 0...ConstraintLimits.compiled { _ = try compiler.compile(.regex("b{\(count)}c")) }
        #expect(try compiler.compile(.regex("a")) !== first)
    }
}
