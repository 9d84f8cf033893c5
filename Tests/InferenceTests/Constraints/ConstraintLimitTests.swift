import Models
import Testing

@testable import Inference

/// What a stranger may send: refused with a reason, within bounded time and memory.
@Suite(.aside, .timeLimit(.minutes(10)))
struct ConstraintLimitTests {
    static let hostile: [(String, OutputConstraint)] = [
        ("a counted million", .regex("a{1,1000000}")), ("counts within counts", .regex("((a{0,500}){0,500}){0,500}")),
        ("an endless expression", .regex(String(repeating: "a", count: 100_000))),
        ("deep groups", .regex(String(repeating: "(", count: 5000) + String(repeating: ")", count: 5000))),
        ("deep groups of a grammar", .grammar("root ::= " + String(repeating: "(", count: 5000))),
        ("a schema of megabytes", .jsonSchema(#"{"enum":[""# + String(repeating: "a", count: 1 << 20) + #""]}"#)),
        ("a deep schema", .jsonSchema(String(repeating: #"{"items":"#, count: 5000))),
        ("a large choice", .choice([String](repeating: "abcdefgh", count: 100_000))),
        ("many items", .jsonSchema(#"{"type":"array","minItems":1000000000}"#)),
        ("a long string", .jsonSchema(#"{"type":"string","minLength":1000000000}"#)),
        (
            "alternatives that multiply",
            .jsonSchema(
                "{\"allOf\":["
                    + [String](repeating: #"{"anyOf":[{"minimum":1},{"maximum":2},{"type":"null"}]}"#, count: 20)
                    .joined(separator: ",") + "]}")
        ),
        (
            "references in a circle",
            .jsonSchema(
                ##"{"$defs":{"a":{"$ref":"#/$defs/b","minimum":1},"b":{"$ref":"#/$defs/a","minimum":1}},"$ref":"#/$defs/a"}"##
            )
        ),
        (
            "many readings at once",
            .regex(String(repeating: "a?b?c?d?e?f?g?h?i?j?k?l?m?n?o?p?q?r?s?t?u?v?w?x?y?z?", count: 600))
        ),
        ("deep compositions", (0..<1000).reduce(.literal("a")) { part, _ in .sequence([part]) }),
    ]

    @Test(arguments: hostile.indices)
    func `too much is refused soon`(index: Int) {
        let clock = ContinuousClock()
        let start = clock.now
        #expect(ConstraintReading.refusal(of: Self.hostile[index].1) != nil, "\(Self.hostile[index].0)")
        // A release build takes a tenth of a second at most; this is a debug build on a busy machine.
        #expect(clock.now - start < .seconds(60), "\(Self.hostile[index].0)")
    }

    @Test func `an expression of many readings costs bounded time for each token, or is given up`() throws {
        let tokenizer = try ConstraintReading.miniTokenizer.get()
        let constraint = try ConstraintReading.mini().compile(.regex(String(repeating: "(.*x)?", count: 4000)))
        var cursor = constraint.cursor()
        let clock = ContinuousClock()
        for token in tokenizer.encode("a dolphin on a ladder") {
            let start = clock.now
            do {
                _ = try cursor.mask()
                try cursor.advance(token)
            } catch ConstraintError.tooAmbiguous { return }
            #expect(clock.now - start < .seconds(20))
        }
    }

    @Test func `much, but not too much, is taken`() throws {
        let names = (0..<200).map { #""property\#($0)":{"type":"string","maxLength":20}"# }.joined(separator: ",")
        #expect(ConstraintReading.refusal(of: .jsonSchema(#"{"properties":{\#(names)}}"#)) == nil)
        #expect(ConstraintReading.refusal(of: .choice((0..<5000).map { "choice \($0)" })) == nil)
        #expect(ConstraintReading.refusal(of: .jsonSchema(#"{"type":"string","maxLength":1000000000}"#)) == nil)
        #expect(
            ConstraintReading.refusal(
                of: .jsonSchema(#"{"type":"array","items":{"type":"integer"},"maxItems":100000}"#)) == nil)
        #expect(ConstraintReading.refusal(of: .regex("(a|b)*a(a|b){200}c")) == nil)
    }
}
