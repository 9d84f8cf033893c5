/// Reading `generation_config.json`.
extension GenerationDefaults {
    /// Stop tokens are gathered from everywhere a checkpoint may name them: generation_config.json, config.json, its
    /// text_config or llm_config, and the tokenizer's own end token. Checkpoints rarely agree with themselves here, and one stop
    /// token too few never ends an answer.
    init(_ checkpoint: Checkpoint, tokenizer: Tokenizer) throws {
        let key = "eos_token_id"
        var stopTokens = try checkpoint.settings.tokens(key)
        for section in ["text_config", "llm_config"] {
            stopTokens += try checkpoint.settings.section(section)?.tokens(key) ?? []
        }
        stopTokens += try checkpoint.generation?.tokens(key) ?? []
        if let end = tokenizer.namedTokens["eos_token"], let token = tokenizer.id(of: end) { stopTokens.append(token) }
        self.init(stopTokens: Set(stopTokens))
        guard let settings = checkpoint.generation else { return }
        func number(_ key: String, in range: ClosedRange<Double>) throws -> Float? {
            try settings.value(key).map { _ in Float(try settings.number(key, in: range)) }
        }
        temperature = try number("temperature", in: 0...100)
        topP = try number("top_p", in: 0...1)
        // −1 is vLLM's way of writing "off", which is 0 here.
        topK = try settings.value("top_k").map { _ in max(0, try settings.integer("top_k", in: -1...1 << 24)) }
        repetitionPenalty = try number("repetition_penalty", in: 1e-3...1e3)
        if settings.value("do_sample") == .boolean(false) { temperature = 0 }
    }
}
