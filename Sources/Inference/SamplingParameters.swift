/// How tokens are chosen and when to stop, in vLLM's names and ranges.
public struct SamplingParameters: Sendable, Hashable, Codable {
    /// 0 is greedy.
    public var temperature: Float = 1
    /// Nucleus: the smallest set of tokens whose probabilities reach this, (0, 1].
    public var topP: Float = 1
    /// The k likeliest tokens; 0 for all.
    public var topK: Int = 0
    /// Tokens at least this likely relative to the likeliest, [0, 1].
    public var minP: Float = 0
    /// Subtracted from the logits of tokens already in the answer, [-2, 2].
    public var presencePenalty: Float = 0
    /// Subtracted once for every time the token is already in the answer, [-2, 2].
    public var frequencyPenalty: Float = 0
    /// Divides (positive) or multiplies (negative) logits of tokens in prompt or answer, [0.001, 1000]; 1
    /// for none.
    public var repetitionPenalty: Float = 1
    /// Same seed, same prompt, same model: same answer. Nil draws one.
    public var seed: UInt64?
    /// Texts that end the answer; not part of it unless `includeStop`.
    public var stop: [String] = []
    public var stopTokens: [Int32] = []
    public var includeStop = false
    /// Go on past the model's own end tokens.
    public var ignoreEndOfSequence = false
    /// Longest answer, in tokens; nil for all that the context leaves.
    public var maxTokens: Int?
    /// End tokens and stop texts are forbidden before this many tokens.
    public var minTokens: Int = 0
    /// Alternatives to report for each token; nil reports no probabilities at all, 0 only the chosen token's.
    public var topLogprobs: Int?
    /// Added to logits before anything else, [-100, 100].
    public var logitBias: [Int32: Float] = [:]
    /// What the answer's text must be; who hands the request to the engine compiles it (`GenerationRequest.constraint`).
    public var constraint: OutputConstraint?
    /// Whether special tokens are left out of the text.
    public var skipSpecialTokens = true

    // Nil stands for nothing of the kind; stored parameters from before there was such a thing do not have it.

    /// The only tokens that may be chosen.
    public var allowedTokens: [Int32]?
    /// Sequences of tokens that may not be completed in the answer.
    public var badWords: [[Int32]]?
    /// Tokens whose probabilities are reported beside the likeliest, at every place; needs `topLogprobs`.
    public var logprobTokens: [Int32]?
    /// Alternatives to report for each token of the prompt.
    public var promptLogprobs: Int?

    public init() {}

    /// The likeliest token each time.
    public static func greedy(maxTokens: Int? = nil) -> SamplingParameters {
        var parameters = SamplingParameters()
        parameters.temperature = 0
        parameters.maxTokens = maxTokens
        return parameters
    }
}
