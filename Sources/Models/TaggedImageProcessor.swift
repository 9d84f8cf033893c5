/// Messages and pictures to tokens: each marker in the rendered template becomes a tag, one marker for each row of the
/// picture's features, and another tag.
struct TaggedImageProcessor: PromptProcessor {
    struct Tags: Sendable {
        /// "<img>"; empty where nothing stands before the markers.
        let start: String
        /// "<image>", one for each row of features.
        let marker: String
        /// "</img>"; empty where nothing follows the markers.
        let end: String
        /// What the template writes for a picture where that is not the marker.
        var written: String?
        /// Words before the start and after the end.
        var around = ""

        /// What the template writes for a picture.
        var place: String { written ?? marker }

        var all: [String] { [marker, start, end].filter { !$0.isEmpty } }

        func contains(_ token: String) -> Bool { all.contains(token) }
    }

    private let tags: Tags
    private let prompts: ImagePrompts
    private let images: any FrameMaker

    /// `folder` is where the tokenizer came from, for errors; `markerToken` what config.json calls the marker, if it does;
    /// `leadingToken` and `wantsParts` as in `ImagePrompts`.
    init(
        _ tags: Tags, _ images: some FrameMaker, _ tokenizer: Tokenizer, _ template: ChatTemplate,
        text: DecoderConfiguration, markerToken: Int32? = nil, leadingToken: Int32? = nil, wantsParts: Bool = false,
        folder: String
    ) throws {
        func failure(_ tag: String, expected: String) -> ModelError {
            .badSetting(
                file: folder + "/tokenizer.json", key: tag, expected: expected,
                found: tokenizer.id(of: tag).map { "token \($0)" } ?? "absent")
        }
        for tag in tags.all {
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
            tokenizer: tokenizer, template: template, marker: tags.place, markerToken: marker,
            contextLength: text.contextLength, leadingToken: leadingToken, wantsParts: wantsParts)
    }

    func process(_ image: RGBImage, maxTiles: Int?) throws -> ProcessedImage {
        images.process(image, maxTiles: maxTiles)
    }

    func mostPixelBytes(maxTiles: Int?) -> Int { images.mostPixelBytes(maxTiles: maxTiles) }

    /// Tokens that a picture of this size takes in a prompt, tags included.
    func tokenCount(width: Int, height: Int, maxTiles: Int?) -> Int {
        prompts.tokenCount(of: placeholder(images.tokenCount(width: width, height: height, maxTiles: maxTiles)))
    }

    var template: TemplateFacts { prompts.template.facts }

    func prompt(for messages: [ChatMessage], images: [ProcessedImage], options: PromptOptions) throws -> Prompt {
        try prompts.prompt(for: messages, images: images, options: options) { placeholder($0.tokenCount) }
    }

    private func placeholder(_ tokens: Int) -> String {
        tags.around + tags.start + String(repeating: tags.marker, count: tokens) + tags.end + tags.around
    }
}
