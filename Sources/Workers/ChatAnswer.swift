public import Inference
public import Models

/// The result of a `ChatWork`, as it is committed to the queue.
public struct ChatAnswer: Codable, Sendable, Hashable {
    /// Name of the model that answered.
    public var model: String
    public var weightsHash: String
    /// "q8" and the like; nil for weights as they are stored.
    public var quantization: String?
    public var choices: [Choice]
    public var usage: Usage
    public var images: [ImageFacts]
    /// The prompt's tokens, when the request asked for ids.
    public var promptTokenIDs: [Int32]?
    /// When the request asked for it: for each token of the prompt its probability after those before it, then the
    /// likeliest others'. Nil for the first token and for the places of images.
    public var promptLogprobs: [[PromptLogprob]?]?
    /// The client's own name for its request.
    public var requestID: String?

    public init(
        model: String, weightsHash: String, quantization: String? = nil, choices: [Choice], usage: Usage,
        images: [ImageFacts]
    ) {
        self.model = model
        self.weightsHash = weightsHash
        self.quantization = quantization
        self.choices = choices
        self.usage = usage
        self.images = images
    }

    public struct Choice: Codable, Sendable, Hashable {
        public var index: Int
        public var text: String
        public var finishReason: FinishReason
        /// The stop text or the stop token of the request that ended the answer.
        public var stopText: String?
        public var stopToken: Int32?
        /// One for each token of the answer, when the request asked for probabilities.
        public var logprobs: [TokenLogprob]?
        /// Calls of tools that were taken out of the text; nil for none.
        public var toolCalls: [ToolCall]?
        /// When the request asked for ids.
        public var tokenIDs: [Int32]?

        public init(
            index: Int, text: String, finishReason: FinishReason, stopText: String? = nil, stopToken: Int32? = nil,
            logprobs: [TokenLogprob]? = nil
        ) {
            self.index = index
            self.text = text
            self.finishReason = finishReason
            self.stopText = stopText
            self.stopToken = stopToken
            self.logprobs = logprobs
        }
    }

    public struct Usage: Codable, Sendable, Hashable {
        public var promptTokens: Int
        public var completionTokens: Int
        /// Prompt tokens whose keys and values were reused.
        public var cachedTokens: Int

        public init(promptTokens: Int, completionTokens: Int, cachedTokens: Int = 0) {
            self.promptTokens = promptTokens
            self.completionTokens = completionTokens
            self.cachedTokens = cachedTokens
        }
    }

    /// What was seen, for provenance.
    public struct ImageFacts: Codable, Sendable, Hashable {
        /// SHA-256 of the file's bytes, 64 hexadecimal digits.
        public var sha256: String
        public var width: Int
        public var height: Int
        public var byteCount: Int

        public init(sha256: String, width: Int, height: Int, byteCount: Int) {
            self.sha256 = sha256
            self.width = width
            self.height = height
            self.byteCount = byteCount
        }
    }
}

/// A token of an answer with its probability and the likeliest others at its place.
public struct TokenLogprob: Codable, Sendable, Hashable {
    /// What stands for the logarithm of nought, which JSON cannot write; vLLM's number.
    static let lowest: Float = -9999

    public var token: String
    public var bytes: [UInt8]
    public var logprob: Float
    public var top: [TokenLogprob]

    public init(token: String, bytes: [UInt8], logprob: Float, top: [TokenLogprob] = []) {
        self.token = token
        self.bytes = bytes
        self.logprob = logprob
        self.top = top
    }
}

/// A token at a place of the prompt with its probability there.
public struct PromptLogprob: Codable, Sendable, Hashable {
    public var id: Int32
    public var token: String
    public var logprob: Float
    /// 1 for the likeliest.
    public var rank: Int

    init(_ ranked: RankedToken, token: String) {
        id = ranked.id
        self.token = token
        logprob = max(ranked.logprob, TokenLogprob.lowest)
        rank = ranked.rank
    }
}
