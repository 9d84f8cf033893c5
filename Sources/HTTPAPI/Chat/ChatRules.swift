import Models

/// What a chat request is held against before anything of it is stored.
struct ChatRules: Sendable {
    /// Names that the model is asked for by; the first is the one that answers carry.
    let modelNames: [String]
    let contextLength: Int
    let vocabulary: Int
    /// Sampling where a request says nothing.
    let defaults: GenerationDefaults
    /// Nil where the model takes none at all.
    let maxImages: Int?
    let maxChoices: Int
    let imageLimits: ImageLimits
    let fetchPolicy: FetchPolicy
    let tokenizer: Tokenizer
    let template: TemplateFacts

    init(configuration: ServerConfiguration, model: LoadedModel, modelNames: [String]) {
        self.modelNames = modelNames.isEmpty ? [model.card.name] : modelNames
        contextLength = min(model.model.shape.contextLength, configuration.maxModelLength ?? .max)
        vocabulary = model.model.shape.vocabulary
        defaults = model.generation
        maxImages = model.processor.takesImages ? configuration.maxImages : nil
        maxChoices = configuration.maxChoices
        imageLimits = configuration.imageLimits
        fetchPolicy = configuration.fetchPolicy
        tokenizer = model.tokenizer
        template = model.processor.template
    }

    var modelName: String { modelNames[0] }

    /// Whether an answer's text would be without the markers around calls, as some checkpoints have them.
    var toolMarkersAreSpecial: Bool {
        template.toolFormat == .hermes && tokenizer.id(of: "<tool_call>").map(tokenizer.isSpecial) ?? false
    }

    /// A request without a model means this server's.
    func checkModel(_ fields: JSONFields) throws(APIError) {
        guard let model = try fields.string("model"), !model.isEmpty, !modelNames.contains(model) else { return }
        throw .notFound(
            "The model `\(model.prefix(200))` does not exist; this server has: \(modelNames.joined(separator: ", "))",
            param: "model")
    }

    static let maxStops = 4
    static let longestStop = 1024
    static let maxLogprobs = 20
    static let maxStopTokens = 256
    static let maxLogprobTokens = 128
    /// vLLM's bound, spellings with a space before them counted.
    static let maxBadWords = 128
    /// Calls in one message.
    static let maxToolCalls = 128
    static let maxMessages = 4096
    /// As in recipes.
    static let maxTiles = 64
}
