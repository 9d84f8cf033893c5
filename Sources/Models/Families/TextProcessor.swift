/// Messages to tokens for a model without an eye.
struct TextProcessor: PromptProcessor {
    private let tokenizer: Tokenizer
    private let template: ChatTemplate
    private let contextLength: Int
    private let leadingToken: Int32?

    /// - Parameter leadingToken: begins every prompt, once, whether or not the template writes it.
    init(_ tokenizer: Tokenizer, _ template: ChatTemplate, contextLength: Int, leadingToken: Int32?) {
        self.tokenizer = tokenizer
        self.template = template
        self.contextLength = contextLength
        self.leadingToken = leadingToken
    }

    var takesImages: Bool { false }

    func process(_ image: RGBImage, maxTiles: Int?) throws -> ProcessedImage {
        throw ModelError.takesNoImages(model: nil)
    }

    func mostPixelBytes(maxTiles: Int?) -> Int { 0 }

    func prompt(for messages: [ChatMessage], images: [ProcessedImage]) throws -> Prompt {
        guard images.isEmpty, !messages.contains(where: { $0.content.contains(.image) }) else {
            throw ModelError.takesNoImages(model: nil)
        }
        let rendered = try template.render(
            messages, addGenerationPrompt: true, variables: tokenizer.namedTokens.mapValues(TemplateValue.trusted))
        var tokens = tokenizer.encode(rendered)
        if let leadingToken, tokens.first != leadingToken { tokens.insert(leadingToken, at: 0) }
        guard tokens.count < contextLength else {
            throw ModelError.promptTooLong(tokens: tokens.count, limit: contextLength)
        }
        return Prompt(tokens: tokens)
    }
}
