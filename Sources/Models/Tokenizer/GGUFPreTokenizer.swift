/// What `tokenizer.ggml.pre` stands for: how a byte-level tokenizer cuts text into words before it merges.
///
/// llama.cpp knows each way by a name that its converter found by trying; Docent takes those names whose way it can say in
/// the steps of a `tokenizer.json`.
struct GGUFPreTokenizer {
    let step: TokenizerFile.Step
    /// Whether whole words are looked up before any merge (`ignore_merges`).
    let looksUpWords: Bool

    init(named name: String, file: String) throws(TokenizerError) {
        guard let way = Self.ways.first(where: { $0.names.contains(name) }) else {
            throw .unsupportedStep(
                file: file, step: "tokenizer.ggml.pre \(name)",
                reason: "known are \(Self.ways.flatMap(\.names).joined(separator: ", "))")
        }
        step = way.step
        looksUpWords = way.isLlama3
    }

    /// Whether prompts begin with the beginning token where the file does not say.
    static func writesFirstToken(_ name: String) -> Bool { ways.contains { $0.names.contains(name) && $0.isLlama3 } }

    private struct Way {
        let names: [String]
        let step: TokenizerFile.Step
        var isLlama3 = false
    }

    private static let ways = [
        Way(names: ["gpt-2"], step: words),
        // Digits one by one, then GPT-2's words.
        Way(
            names: ["smollm", "starcoder", "refact", "codeshell", "command-r"],
            step: sequence(.init(type: "Digits", individualDigits: true), words)),
        Way(
            names: ["llama-bpe", "llama3", "llama-v3"], step: sequence(split(.llama3(digitsPerWord: 3)), bytes),
            isLlama3: true),
        Way(names: ["smaug-bpe", "dbrx"], step: sequence(split(.llama3(digitsPerWord: 3)), bytes)),
        Way(
            names: ["qwen2", "deepseek-r1-qwen", "stablelm2"],
            step: sequence(split(.llama3(digitsPerWord: 1)), bytes)),
    ]

    private static let words = TokenizerFile.Step(type: "ByteLevel", addPrefixSpace: false, useRegex: true)
    private static let bytes = TokenizerFile.Step(type: "ByteLevel", addPrefixSpace: false, useRegex: false)

    private static func sequence(_ steps: TokenizerFile.Step...) -> TokenizerFile.Step {
        .init(type: "Sequence", pretokenizers: steps)
    }

    private static func split(_ pattern: WordPattern) -> TokenizerFile.Step {
        .init(type: "Split", pattern: .init(regex: pattern.regex), behavior: "Isolated")
    }
}
