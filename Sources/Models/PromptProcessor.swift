/// The pixels-and-text half of a model family: pure values, safe to use from any thread.
public protocol PromptProcessor: Sendable {
    /// Whether the model has an eye. One without refuses every image (`ModelError.takesNoImages`).
    var takesImages: Bool { get }

    /// Resizes and tiles `image` as the family was trained; `maxTiles` 1 forbids splitting.
    func process(_ image: RGBImage, maxTiles: Int?) throws -> ProcessedImage

    /// No image that `process` gives with this limit has more bytes of pixels.
    func mostPixelBytes(maxTiles: Int?) -> Int

    /// What a request can ask of the chat template.
    var template: TemplateFacts { get }

    /// Renders the chat template over `messages`, expands the placeholder of every image and tokenises the whole.
    /// Text of a message never becomes a special token.
    func prompt(for messages: [ChatMessage], images: [ProcessedImage], options: PromptOptions) throws -> Prompt
}

extension PromptProcessor {
    public var takesImages: Bool { true }

    public func prompt(for messages: [ChatMessage], images: [ProcessedImage]) throws -> Prompt {
        try prompt(for: messages, images: images, options: PromptOptions())
    }
}
