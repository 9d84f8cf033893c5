/// Messages and pictures to tokens: each marker in the rendered template becomes a tag, one marker for each row of the
/// picture's features, and another tag.
struct TaggedImageProcessor: PromptProcessor {
    struct Tags: Sendable {
        /// "<img>".
        let start: String
        /// "<image>", which the template writes for a picture.
        let marker: String
        /// "</img>".
        let end: String

        func contains(_ token: String) -> Bool { [start, marker, end].contains(token) }
    }

    private let tags: Tags
    private let prompts: ImagePrompts
    private let images: TiledImages

    /// `folder` is where the tokenizer came from, for errors; `markerToken` what config.json calls the marker, if it does.
    init(
        _ tags: Tags, _ images: TiledImages, _ tokenizer: Tokenizer, _ template: ChatTemplate,
        text: DecoderConfiguration,
        markerToken: Int32? = nil, folder: String
    ) throws {
        func failure(_ tag: String, expected: String) -> ModelError {
            .badSetting(
                file: folder + "/tokenizer.json", key: tag, expected: expected,
                found: tokenizer.id(of: tag).map { "token \($0)" } ?? "absent")
        }
        for tag in [tags.marker, tags.start, tags.end] {
            guard let id = tokenizer.id(of: tag), tokenizer.isSpecial(id), id < text.vocabulary else {
                throw failure(tag, expected: "an added token below vocab_size \(text.vocabulary)")
            }
        }
        let marker = tokenizer.id(of: tags.marker) ?? -1
        guard markerToken == nil || markerToken == marker else {
            throw failure(tags.marker, expected: "token \(markerToken ?? -1), which config.json calls image_token_id")
        }
        self.tags = tags
        self.images = images
        prompts = ImagePrompts(
            tokenizer: tokenizer, template: template, marker: tags.marker, markerToken: marker,
            contextLength: text.contextLength)
    }

    func process(_ image: RGBImage, maxTiles: Int?) throws -> ProcessedImage {
        images.process(image, maxTiles: maxTiles)
    }

    func mostPixelBytes(maxTiles: Int?) -> Int { images.mostPixelBytes(maxTiles: maxTiles) }

    /// Tokens that a picture of this size takes in a prompt, tags included.
    func tokenCount(width: Int, height: Int, maxTiles: Int?) -> Int {
        prompts.tokenCount(
            of: placeholder(images.tokenCount(images.grid(width: width, height: height, maxTiles: maxTiles))))
    }

    func prompt(for messages: [ChatMessage], images: [ProcessedImage]) throws -> Prompt {
        try prompts.prompt(for: messages, images: images) { placeholder($0.tokenCount) }
    }

    private func placeholder(_ tokens: Int) -> String {
        tags.start + String(repeating: tags.marker, count: tokens) + tags.end
    }
}
