import Testing

@testable import Models

struct ModulePatternsTests {
    private let settings = Settings(file: "config.json", members: [:])

    private func patterns(_ texts: [String], includingChildren: Bool = false) throws -> ModulePatterns {
        try ModulePatterns(texts, settings, "ignore", includingChildren: includingChildren)
    }

    /// A pattern, a name, and whether Python's `re.match` matches.
    @Test(arguments: [
        ("re:.*lm_head", "lm_head", true), ("re:.*lm_head", "model.lm_head", true),
        ("re:lm_head", "model.lm_head", false),
        ("re:visual", "visual.blocks.0.attn.qkv", true), ("re:visual$", "visual.blocks", false),
        (#"re:.*mlp\.gate$"#, "model.layers.0.mlp.gate", true),
        (#"re:.*mlp\.gate$"#, "model.layers.0.mlp.gate_proj", false),
        (#"re:model\.layers\.(0|1|2)\."#, "model.layers.1.x", true),
        (#"re:model\.layers\.(0|1|2)\."#, "model.layers.11.x", false),
        (#"re:.*layers\.[0-3]\d?\..*"#, "model.layers.25.x", true),
        (#"re:.*layers\.[0-3]\d?\..*"#, "model.layers.45.x", false),
        (#"re:^(?!.*lm_head).*proj$"#, "model.q_proj", true), (#"re:^(?!.*lm_head).*proj$"#, "lm_head.q_proj", false),
        ("re:(?=model).*_proj", "model.q_proj", true), ("re:(?:a|b)+c", "ababc", true), ("re:(?:a|b)+c", "c", false),
        ("re:[^a-c]x", "dx", true), ("re:[^a-c]x", "bx", false), ("re:a?b*?", "", true), (#"re:\w+\s"#, "ab_1 ", true),
        ("re:vision_(tower|model).*|.*connector", "model.connector", true), ("re:[]x]", "]", true),
        ("lm_head", "lm_head", true), ("lm_head", "lm_head.x", false), ("model*", "model*", true),
        ("model*", "models", false),
    ])
    func `compressed-tensors' patterns are names or Python's expressions`(
        _ pattern: String, _ name: String, _ isMatch: Bool
    )
        throws
    {
        #expect(try patterns([pattern]).match(name) == isMatch)
    }

    @Test(arguments: [
        ("model.layers.0*", "model.layers.0.mlp.up_proj", true), ("*lm_head", "model.lm_head", true),
        ("vision*.attn", "vision.layers.1.attn", true), ("vision*.attn", "vision.layers.1.attn.q", false),
        ("layers.?.x", "layers.7.x", true), ("layers.?.x", "layers.17.x", false), ("visual", "visual.blocks.0", true),
        ("visual", "visuals.blocks.0", false), ("model.visual", "visual.blocks.0", false),
    ])
    func `elsewhere they are wildcards, or names with what lies below them`(
        _ pattern: String, _ name: String, _ isMatch: Bool
    ) throws {
        #expect(try patterns([pattern], includingChildren: true).match(name) == isMatch)
    }

    @Test(arguments: [
        "re:(a+)+$", "re:(a*b*)*", "re:a{2}", "re:(a", "re:a)", "re:*", #"re:\1"#, #"re:\bx"#, "re:(?i)x", "re:[a",
        "re:[z-a]",
        "re:(?:(?=a)a)*", "re:a\\", "re:(?<=a)b", "re:" + String(repeating: "(", count: 100),
        "re:" + String(repeating: "a", count: 2000),
    ])
    func `an expression that is not understood is an error that quotes it`(_ pattern: String) {
        let error = #expect(throws: ModelError.self) { try patterns([pattern]) }
        #expect(error?.description.contains(String(pattern.dropFirst(3).prefix(77))) == true)
    }

    @Test func `a pattern made to keep a reader busy takes no time`() throws {
        let busy = try patterns(["re:" + String(repeating: ".*a", count: 100) + "b"])
        #expect(!busy.match(String(repeating: "a", count: 400)))
    }

    @Test func `too many patterns are an error`() {
        #expect(throws: ModelError.self) { try patterns((0..<600).map { "re:.*\($0)" }) }
    }
}
