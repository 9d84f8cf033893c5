/// Messages and pictures to tokens: the template writes the tags around a picture and one marker, which becomes as many as the
/// picture has tokens.
struct QwenVLProcessor: PromptProcessor {
    static let marker = "<|image_pad|>"
    static let tags = ["<|vision_start|>", marker, "<|vision_end|>", "<|video_pad|>"]

    private let images: QwenVLImages
    private let prompts: ImagePrompts

    init(_ settings: Settings, _ tokenizer: Tokenizer, _ template: ChatTemplate, model: QwenVLConfiguration) throws {
        guard tokenizer.id(of: Self.marker) == model.imageToken else {
            throw ModelError.badSetting(
                file: settings.folder + "/tokenizer.json", key: Self.marker,
                expected: "token \(model.imageToken), which config.json calls image_token_id",
                found: tokenizer.id(of: Self.marker).map { "token \($0)" } ?? "absent")
        }
        images = try QwenVLImages(settings, model: model)
        prompts = ImagePrompts(
            tokenizer: tokenizer, template: template, marker: Self.marker, markerToken: model.imageToken,
            contextLength: model.text.contextLength)
    }

    /// Side of the square of pixels that becomes one token.
    var tokenSide: Int { images.tokenSide }

    static func isTag(_ token: String) -> Bool { tags.contains(token) }

    func process(_ image: RGBImage, maxTiles: Int?) throws -> ProcessedImage {
        try images.process(image, maxTiles: maxTiles)
    }

    func mostPixelBytes(maxTiles: Int?) -> Int { images.mostPixelBytes(maxTiles: maxTiles) }

    var template: TemplateFacts { prompts.template.facts }

    func prompt(for messages: [ChatMessage], images: [ProcessedImage], options: PromptOptions) throws -> Prompt {
        var prompt = try prompts.prompt(for: messages, images: images, options: options) {
            String(repeating: Self.marker, count: $0.tokenCount)
        }
        guard !prompt.images.isEmpty else { return prompt }
        prompt.grid = GridPositions(
            prompt.images.map { placed in
                GridPositions.Picture(
                    firstToken: placed.positions[0], rows: placed.image.height / tokenSide,
                    columns: placed.image.width / tokenSide)
            })
        return prompt
    }
}
