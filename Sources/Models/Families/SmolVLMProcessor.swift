/// Messages and pictures to tokens: each `<image>` of the rendered template becomes the tags and placeholders that its
/// frames were trained with.
struct SmolVLMProcessor: PromptProcessor {
    private static let marker = "<image>"
    private static let edge = "<fake_token_around_image>"
    private static let overview = "<global-img>"
    private static let tile = "<row_"

    private let prompts: ImagePrompts
    private let images: SmolVLMImageProcessor
    private let model: SmolVLMConfiguration

    init(_ imageSettings: Settings, _ tokenizer: Tokenizer, _ template: ChatTemplate, model: SmolVLMConfiguration)
        throws
    {
        guard tokenizer.id(of: Self.marker) == model.imageToken else {
            throw ModelError.badSetting(
                file: imageSettings.folder + "/tokenizer.json", key: Self.marker,
                expected: "token \(model.imageToken), which config.json calls image_token_id",
                found: tokenizer.id(of: Self.marker).map { "token \($0)" } ?? "absent")
        }
        prompts = ImagePrompts(
            tokenizer: tokenizer, template: template, marker: Self.marker, markerToken: model.imageToken,
            contextLength: model.text.contextLength, wantsParts: true)
        self.images = try SmolVLMImageProcessor(imageSettings, model: model)
        self.model = model
    }

    /// Whether `token` is one of those that placeholders are made of.
    static func isTag(_ token: String) -> Bool {
        [marker, edge, overview].contains(token) || token.hasPrefix(tile)
    }

    /// The length that processor_config.json states must follow from config.json.
    static func check(_ settings: Settings?, model: SmolVLMConfiguration) throws {
        guard let settings, settings.value("image_seq_len") != nil else { return }
        guard try settings.integer("image_seq_len", in: 1...1 << 20) == model.tokensPerFrame else {
            throw settings.failure(
                "image_seq_len", expected: "\(model.tokensPerFrame), which follows from config.json")
        }
    }

    func process(_ image: RGBImage, maxTiles: Int?) throws -> ProcessedImage {
        images.process(image, maxTiles: maxTiles)
    }

    func mostPixelBytes(maxTiles: Int?) -> Int { images.mostPixelBytes(maxTiles: maxTiles) }

    /// Tokens that a picture of this size takes in a prompt, tags included.
    func tokenCount(width: Int, height: Int, maxTiles: Int?) -> Int {
        let tiling = images.tiling(width: width, height: height, maxTiles: maxTiles)
        return prompts.tokenCount(of: placeholder(rows: tiling.rows, columns: tiling.columns))
    }

    var template: TemplateFacts { prompts.template.facts }

    func prompt(for messages: [ChatMessage], images: [ProcessedImage], options: PromptOptions) throws -> Prompt {
        try prompts.prompt(for: messages, images: images, options: options) {
            placeholder(rows: $0.tileRows, columns: $0.tileColumns)
        }
    }

    /// Tags and placeholders of one picture. A split one ends each row of tiles with a line break and has an empty line
    /// before its overview; the two breaks may be one token, so the whole text is tokenised at once.
    private func placeholder(rows: Int, columns: Int) -> String {
        let frame = String(repeating: Self.marker, count: model.tokensPerFrame)
        let overview = Self.edge + Self.overview + frame + Self.edge
        guard rows > 0 else { return overview }
        let tiles = (1...rows).map { row in
            (1...columns).map { "\(Self.edge)\(Self.tile)\(row)_col_\($0)>\(frame)" }.joined() + "\n"
        }
        return tiles.joined() + "\n" + overview
    }
}
