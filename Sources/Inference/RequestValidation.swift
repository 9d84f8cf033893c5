import Models

/// Checks a request completely before any work is done for it; ranges are vLLM's.
struct RequestValidation: Sendable {
    /// vLLM's default of `--max-logprobs`.
    static let mostAlternatives = 20
    /// vLLM takes everything above 0, but logits times or divided by such a factor can be infinite.
    static let repetitionPenalties: ClosedRange<Float> = 1e-3...1e3

    let vocabulary: Int
    /// The longest prompt and answer together, in tokens.
    let maxSequenceTokens: Int

    /// The longest answer that `request` may have, in tokens.
    func answerLimit(of request: GenerationRequest) throws(EngineError) -> Int {
        try check(request.prompt)
        try check(request.sampling)
        guard request.sampling.constraint == nil || request.constraint != nil else {
            throw .invalidParameter(name: "constraint", value: "a description", expected: "compiled before")
        }
        let prompt = request.prompt.tokens.count
        let wanted = request.sampling.maxTokens ?? max(1, request.sampling.minTokens, maxSequenceTokens - prompt)
        guard wanted <= maxSequenceTokens - prompt else {
            throw .promptTooLong(promptTokens: prompt, maxTokens: wanted, limit: maxSequenceTokens)
        }
        return wanted
    }

    private func check(_ prompt: Prompt) throws(EngineError) {
        guard !prompt.tokens.isEmpty else { throw .invalidPrompt(reason: "it has no tokens") }
        if let token = prompt.tokens.first(where: { !isKnown($0) }) {
            throw .invalidPrompt(reason: "token \(token) is not one of the \(vocabulary) of the vocabulary")
        }
        var last = -1
        for (index, placed) in prompt.images.enumerated() {
            guard placed.positions.count == placed.image.tokenCount else {
                throw .invalidPrompt(
                    reason: "image \(index) has \(placed.image.tokenCount) rows of features and "
                        + "\(placed.positions.count) places")
            }
            for position in placed.positions {
                guard position > last, position < prompt.tokens.count else {
                    throw .invalidPrompt(
                        reason: "place \(position) of image \(index) is outside the prompt or out of order")
                }
                last = position
            }
        }
    }

    private func check(_ sampling: SamplingParameters) throws(EngineError) {
        try require("temperature", sampling.temperature, in: 0...2)
        guard sampling.topP > 0 && sampling.topP <= 1 else {
            throw .invalidParameter(name: "top_p", value: "\(sampling.topP)", expected: "in (0, 1]")
        }
        try require("top_k", sampling.topK, in: 0...Int.max)
        try require("min_p", sampling.minP, in: 0...1)
        try require("presence_penalty", sampling.presencePenalty, in: -2...2)
        try require("frequency_penalty", sampling.frequencyPenalty, in: -2...2)
        try require("repetition_penalty", sampling.repetitionPenalty, in: Self.repetitionPenalties)
        if let count = sampling.topLogprobs {
            try require("top_logprobs", count, in: 0...min(Self.mostAlternatives, vocabulary))
        }
        if let count = sampling.promptLogprobs {
            try require("prompt_logprobs", count, in: 0...min(Self.mostAlternatives, vocabulary))
        }
        try checkEnds(of: sampling)
        try checkTokens(of: sampling)
        for (token, bias) in sampling.logitBias {
            guard isKnown(token) else { throw unknown(token, in: "logit_bias") }
            try require("logit_bias", bias, in: -100...100)
        }
    }

    private func checkEnds(of sampling: SamplingParameters) throws(EngineError) {
        if let maxTokens = sampling.maxTokens { try require("max_tokens", maxTokens, in: 1...Int.max) }
        try require("min_tokens", sampling.minTokens, in: 0...(sampling.maxTokens ?? maxSequenceTokens))
        if sampling.stop.contains("") {
            throw .invalidParameter(name: "stop", value: "an empty text", expected: "texts that are not empty")
        }
        if let token = sampling.stopTokens.first(where: { !isKnown($0) }) { throw unknown(token, in: "stop_token_ids") }
    }

    private func checkTokens(of sampling: SamplingParameters) throws(EngineError) {
        let lists = [
            ("allowed_token_ids", sampling.allowedTokens), ("logprob_token_ids", sampling.logprobTokens),
            ("bad_words", sampling.badWords?.flatMap { $0 }),
        ]
        for (name, tokens) in lists {
            if let token = tokens?.first(where: { !isKnown($0) }) { throw unknown(token, in: name) }
        }
        if sampling.allowedTokens?.isEmpty == true || sampling.badWords?.contains([]) == true {
            throw .invalidParameter(name: "allowed_token_ids or bad_words", value: "an empty list", expected: "tokens")
        }
        if sampling.logprobTokens != nil, sampling.topLogprobs == nil {
            throw .invalidParameter(name: "logprob_token_ids", value: "set", expected: "used with logprobs")
        }
    }

    private func isKnown(_ token: Int32) -> Bool { token >= 0 && token < vocabulary }

    private func unknown(_ token: Int32, in name: String) -> EngineError {
        .invalidParameter(name: name, value: "\(token)", expected: "token ids below \(vocabulary)")
    }

    private func require<Value: Comparable>(
        _ name: String, _ value: Value, in range: ClosedRange<Value>
    ) throws(EngineError) {
        guard range.contains(value) else {
            let bounds = "\(range.upperBound)" == "\(Int.max)" ? "at least \(range.lowerBound)" : "in \(range)"
            throw .invalidParameter(name: name, value: "\(value)", expected: bounds)
        }
    }
}
