/// Messages to tokens for a model without an eye.
struct TextProcessor: PromptProcessor {
    private let tokenizer: Tokenizer
    private let chatTemplate: ChatTemplate
    private let contextLength: Int
    private let leadingToken: Int32?

    /// - Parameter leadingToken: begins every prompt, once, whether or not the template writes it.
    init(_ tokenizer: Tokenizer, _ template: ChatTemplate, contextLength: Int, leadingToken: Int32?) {
        self.tokenizer = tokenizer
        chatTemplate = template
        self.contextLength = contextLength
        self.leadingToken = leadingToken
    }

    var takesImages: Bool { false }

    func process(_ image: RGBImage, maxTiles: Int?) throws -> ProcessedImage {
        throw ModelError.takesNoImages(model: nil)
    }

    func mostPixelBytes(maxTiles: Int?) -> Int { 0 }

    var template: TemplateFacts { chatTemplate.facts }

    func prompt(for messages: [ChatMessage], images: [ProcessedImage], options: PromptOptions) throws -> Prompt {
        guard images.isEmpty, !messages.contains(where: { $0.content.contains(.image) }) else {
            throw ModelError.takesNoImages(model: nil)
        }
        var tokens = tokenizer.encode(
            try chatTemplate.render(messages, options, namedTokens: tokenizer.namedTokens))
        if let leadingToken, tokens.first != leadingToken { tokens.insert(leadingToken, at: 0) }
        tokens = options.kept(tokens)
        guard tokens.count < contextLength else {
            throw ModelError.promptTooLong(tokens: tokens.count, limit: contextLength)
        }
        return Prompt(tokens: tokens)
    }
}
