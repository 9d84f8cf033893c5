/// Something that answers prompts token by token: the engine, or a script in tests.
public protocol TextGenerator: Sendable {
    /// The answer to `request` as it is made. Ending the iteration early cancels the request within one step.
    func generate(_ request: GenerationRequest) -> AsyncThrowingStream<GenerationEvent, any Error>
}

public enum GenerationEvent: Sendable, Hashable {
    /// Text and tokens that are new since the event before. Text never ends inside a character, nor with the beginning of
    /// what might become a stop text; so a token may come with empty text, and text may belong to earlier tokens.
    case delta(GeneratedText)
    /// The last event.
    case finished(GenerationSummary)
}

public struct GeneratedText: Sendable, Hashable {
    public var text: String
    public var tokens: [GeneratedToken]

    public init(text: String, tokens: [GeneratedToken]) {
        self.text = text
        self.tokens = tokens
    }
}

public struct GeneratedToken: Sendable, Hashable {
    public var id: Int32
    /// ln p of this token under the model; nil unless `SamplingParameters.topLogprobs` is set.
    public var logprob: Float?
    /// The likeliest tokens at this place, likeliest first.
    public var alternatives: [TokenAlternative]

    public init(id: Int32, logprob: Float? = nil, alternatives: [TokenAlternative] = []) {
        self.id = id
        self.logprob = logprob
        self.alternatives = alternatives
    }
}

public struct TokenAlternative: Sendable, Hashable {
    public var id: Int32
    public var logprob: Float

    public init(id: Int32, logprob: Float) {
        self.id = id
        self.logprob = logprob
    }
}

public struct GenerationSummary: Sendable, Hashable {
    public var finishReason: FinishReason
    /// The stop text or token that ended the answer, when one of the request's did.
    public var stopReason: StopReason?
    public var promptTokens: Int
    /// Prompt tokens whose keys and values were already in the cache.
    public var cachedTokens: Int
    public var completionTokens: Int
    /// When the request asked for it: for each token of the prompt its probability after those before, then the likeliest
    /// ones' at its place. Nil for the first token and for the places of images, which nothing predicts.
    public var promptLogprobs: [[RankedToken]?]?

    public init(
        finishReason: FinishReason, stopReason: StopReason? = nil, promptTokens: Int, cachedTokens: Int = 0,
        completionTokens: Int
    ) {
        self.finishReason = finishReason
        self.stopReason = stopReason
        self.promptTokens = promptTokens
        self.cachedTokens = cachedTokens
        self.completionTokens = completionTokens
    }
}

public struct RankedToken: Sendable, Hashable {
    public var id: Int32
    public var logprob: Float
    /// 1 for the likeliest; tokens of equal probability have the last of their ranks.
    public var rank: Int

    public init(id: Int32, logprob: Float, rank: Int) {
        self.id = id
        self.logprob = logprob
        self.rank = rank
    }
}

/// In OpenAI's words.
public enum FinishReason: String, Sendable, Codable { case stop, length }

public enum StopReason: Sendable, Hashable {
    case text(String)
    case token(Int32)
}
