import Inference
import Models

extension SamplingParameters {
    /// The sampling fields of a chat request in vLLM's names, defaults and ranges.
    init(_ fields: JSONFields, _ rules: ChatRules) throws(APIError) {
        self.init()
        try readRandomness(fields, rules.defaults)
        try readPenalties(fields, rules.defaults)
        try readLength(fields, rules)
        try readStops(fields, rules)
        topLogprobs = try Self.topLogprobs(fields)
        promptLogprobs = try Self.alternatives(fields, "prompt_logprobs")
        try readTokens(fields, rules)
        skipSpecialTokens = try fields.bool("skip_special_tokens") ?? true
    }

    private mutating func readRandomness(_ fields: JSONFields, _ defaults: GenerationDefaults) throws(APIError) {
        temperature = try fields.number("temperature", in: 0...2) ?? defaults.temperature ?? 1
        topP = try fields.number("top_p", "more than 0 and at most 1") { $0 > 0 && $0 <= 1 } ?? defaults.topP ?? 1
        // -1 is vLLM's other word for "all".
        topK = max(try fields.integer("top_k", in: -1 ... .max) ?? defaults.topK ?? 0, 0)
        minP = try fields.number("min_p", in: 0...1) ?? 0
        seed = try fields.integer("seed").map { UInt64(bitPattern: Int64($0)) }
    }

    private mutating func readPenalties(_ fields: JSONFields, _ defaults: GenerationDefaults) throws(APIError) {
        presencePenalty = try fields.number("presence_penalty", in: -2...2) ?? 0
        frequencyPenalty = try fields.number("frequency_penalty", in: -2...2) ?? 0
        repetitionPenalty =
            try fields.number("repetition_penalty", in: 1e-3...1e3) ?? defaults.repetitionPenalty ?? 1
    }

    private mutating func readLength(_ fields: JSONFields, _ rules: ChatRules) throws(APIError) {
        let name = fields["max_completion_tokens"] == nil ? "max_tokens" : "max_completion_tokens"
        maxTokens = try fields.integer(name, in: 1 ... .max)
        if let maxTokens, maxTokens > rules.contextLength {
            throw .badRequest(
                "\(name) is \(maxTokens), but the model's context has \(rules.contextLength) tokens", param: name)
        }
        minTokens = try fields.integer("min_tokens", in: 0...rules.contextLength) ?? 0
        if let maxTokens, minTokens > maxTokens {
            throw .badRequest("min_tokens is \(minTokens), more than \(name), \(maxTokens)", param: "min_tokens")
        }
        ignoreEndOfSequence = try fields.bool("ignore_eos") ?? false
    }

    private mutating func readStops(_ fields: JSONFields, _ rules: ChatRules) throws(APIError) {
        stop = try Self.stopTexts(fields)
        guard stop.count <= ChatRules.maxStops else {
            throw .badRequest("stop has \(stop.count) texts; at most \(ChatRules.maxStops) are possible", param: "stop")
        }
        guard stop.allSatisfy({ (1...ChatRules.longestStop).contains($0.utf8.count) }) else {
            throw .badRequest("stop texts must have 1 to \(ChatRules.longestStop) bytes", param: "stop")
        }
        includeStop = try fields.bool("include_stop_str_in_output") ?? false
    }

    private static func stopTexts(_ fields: JSONFields) throws(APIError) -> [String] {
        switch fields["stop"] {
        case nil: return []
        case .string(let text): return [text]
        case .array(let nodes):
            var texts: [String] = []
            for (index, node) in nodes.enumerated() {
                guard case .string(let text) = node else { throw fields.wrongType("stop.\(index)", "a string", node) }
                texts.append(text)
            }
            return texts
        case let node?: throw fields.wrongType("stop", "a string or an array of strings", node)
        }
    }

    private static func alternatives(_ fields: JSONFields, _ name: String) throws(APIError) -> Int? {
        guard fields[name] != .integer(-1) else {
            throw .badRequest(
                "\(name) -1, the whole vocabulary, is not possible: at most \(ChatRules.maxLogprobs) are", param: name)
        }
        return try fields.integer(name, in: 0...ChatRules.maxLogprobs)
    }

    /// Nil when no probabilities are asked for, 0 for the chosen tokens' alone.
    private static func topLogprobs(_ fields: JSONFields) throws(APIError) -> Int? {
        let wanted = try fields.bool("logprobs") ?? false
        let count = try alternatives(fields, "top_logprobs")
        guard wanted || count == nil || count == 0 else {
            throw .badRequest("top_logprobs needs logprobs to be true", param: "top_logprobs")
        }
        return wanted ? count ?? 0 : nil
    }
}
