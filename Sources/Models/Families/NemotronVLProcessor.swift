/// Messages and pictures to tokens: `<image>` in the rendered template becomes `<img>`, one `<image>` for each row of the
/// picture's features, and `</img>`.
struct NemotronVLProcessor: PromptProcessor {
    private static let marker = "<image>"
    private static let (start, end) = ("<img>", "</img>")

    private let prompts: ImagePrompts
    private let images: NemotronVLImageProcessor

    init(
        _ imageSettings: Settings, _ tokenizer: Tokenizer, _ template: ChatTemplate, model: NemotronVLConfiguration
    ) throws {
        for tag in [Self.marker, Self.start, Self.end] {
            guard let id = tokenizer.id(of: tag), tokenizer.isSpecial(id), id < model.text.vocabulary else {
                throw ModelError.badSetting(
                    file: imageSettings.folder + "/tokenizer.json", key: tag,
                    expected: "an added token below vocab_size \(model.text.vocabulary)",
                    found: tokenizer.id(of: tag).map { "token \($0)" } ?? "absent")
            }
        }
        prompts = ImagePrompts(
            tokenizer: tokenizer, template: template, marker: Self.marker,
            markerToken: tokenizer.id(of: Self.marker) ?? -1, contextLength: model.text.contextLength)
        images = try NemotronVLImageProcessor(imageSettings, model: model)
    }

    /// Whether `token` is one of those that placeholders are made of.
    static func isTag(_ token: String) -> Bool { [marker, start, end].contains(token) }

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
        Self.start + String(repeating: Self.marker, count: tokens) + Self.end
    }
}
