/// A checkpoint that is ready to answer: made by `ModelLoader.load`.
public struct LoadedModel: Sendable {
    public let card: ModelCard
    public let model: any VisionLanguageModel
    public let processor: any PromptProcessor
    public let tokenizer: Tokenizer
    public let generation: GenerationDefaults

    public init(
        card: ModelCard, model: any VisionLanguageModel, processor: any PromptProcessor, tokenizer: Tokenizer,
        generation: GenerationDefaults
    ) {
        self.card = card
        self.model = model
        self.processor = processor
        self.tokenizer = tokenizer
        self.generation = generation
    }
}

/// Who a model is: what `/v1/models` lists and what provenance records name.
public struct ModelCard: Sendable, Hashable {
    /// "docent-mini", "HuggingFaceTB/SmolVLM-256M-Instruct": the folder's name, or owner/name inside a hub cache.
    public var name: String
    /// "idefics3", "smolvlm", …
    public var family: String
    /// SHA-256 over the names, sizes and contents of the weight files; samples stand for the contents of large ones (see
    /// `weightsHash(_:)`). "random" for made-up weights.
    public var weightsHash: String
    /// What loading made of the weights: they answer differently then.
    public var quantization: LoadOptions.Quantization
    public var parameterCount: Int
    /// Bytes of the weights as the backend holds them.
    public var weightBytes: Int
    /// When the newest weight file was written, in seconds since 1970.
    public var created: Int

    public init(
        name: String, family: String, weightsHash: String, quantization: LoadOptions.Quantization = .none,
        parameterCount: Int, weightBytes: Int = 0, created: Int
    ) {
        self.name = name
        self.family = family
        self.weightsHash = weightsHash
        self.quantization = quantization
        self.parameterCount = parameterCount
        self.weightBytes = weightBytes
        self.created = created
    }

    /// Tells models apart whose answers may differ, whatever they are called.
    public var identity: String {
        quantization == .none ? weightsHash : weightsHash + "-" + quantization.rawValue
    }
}

/// What `generation_config.json` says, where a request says nothing.
public struct GenerationDefaults: Sendable, Hashable {
    /// Tokens that end an answer.
    public var stopTokens: Set<Int32>
    public var temperature: Float?
    public var topP: Float?
    public var topK: Int?
    public var repetitionPenalty: Float?

    public init(
        stopTokens: Set<Int32>, temperature: Float? = nil, topP: Float? = nil, topK: Int? = nil,
        repetitionPenalty: Float? = nil
    ) {
        self.stopTokens = stopTokens
        self.temperature = temperature
        self.topP = topP
        self.topK = topK
        self.repetitionPenalty = repetitionPenalty
    }
}
