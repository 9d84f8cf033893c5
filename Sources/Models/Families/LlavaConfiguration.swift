import Compute

/// What config.json says of a LLaVA-1.5 checkpoint in transformers' layout.
struct LlavaConfiguration: Sendable, Equatable {
    var vision: EncoderConfiguration
    var text: DecoderConfiguration
    /// Side of a picture in pixels.
    var imageSize: Int
    var patchSize: Int
    /// Blocks of the tower that run: features are taken before its last ones.
    var blocks: Int
    var hasProjectorBias: Bool
    /// The placeholder `<image>`.
    var imageToken: Int32

    /// Patches along a side.
    var grid: Int { imageSize / patchSize }
    /// Rows of features a picture becomes.
    var tokensPerImage: Int { grid * grid }

    init(_ settings: Settings) throws {
        func section(_ key: String) throws -> Settings {
            try settings.section(key) ?? Settings(file: settings.file, path: key, members: [:])
        }
        let (visionSettings, textSettings) = (try section("vision_config"), try section("text_config"))
        text = try DecoderConfiguration(textSettings.filled(with: Self.llama2), root: settings)
        vision = try Self.tower(visionSettings)
        imageSize = try visionSettings.integer("image_size", in: 1...4096, default: 336)
        patchSize = try visionSettings.integer("patch_size", in: 1...4096, default: 14)
        guard imageSize.isMultiple(of: patchSize) else {
            throw visionSettings.failure("image_size", expected: "a multiple of the patch size \(patchSize)")
        }
        for (key, value) in [("projector_hidden_act", "gelu"), ("vision_feature_select_strategy", "default")]
        where try settings.string(key, default: value) != value {
            throw settings.unsupported(key, supported: value)
        }
        blocks = try Self.blocks(settings, layers: vision.layers)
        hasProjectorBias = try settings.boolean("multimodal_projector_bias", default: true)
        let key = settings.value("image_token_id") == nil ? "image_token_index" : "image_token_id"
        imageToken = Int32(try settings.integer(key, in: 0...text.vocabulary - 1, default: 32_000))
        guard try settings.integer("image_seq_length", in: 1...1 << 24, default: tokensPerImage) == tokensPerImage
        else {
            throw settings.failure("image_seq_length", expected: "\(tokensPerImage), as the other sizes say")
        }
    }

    /// The published 7 B configuration leaves out whatever is transformers' default for a Llama, `rope_theta` too; where
    /// that is not what the checkpoint is, the shapes of its tensors say so.
    private static let llama2: [String: JSONValue] = [
        "hidden_size": .integer(4096), "intermediate_size": .integer(11_008), "num_hidden_layers": .integer(32),
        "num_attention_heads": .integer(32), "vocab_size": .integer(32_000),
        "max_position_embeddings": .integer(2048), "rope_theta": .integer(10_000),
    ]

    /// What a file leaves out is as in CLIP's ViT-L/14 for 336 pixels.
    private static func tower(_ settings: Settings) throws -> EncoderConfiguration {
        guard try settings.string("model_type", default: "clip_vision_model") == "clip_vision_model" else {
            throw settings.unsupported("model_type", supported: "clip_vision_model")
        }
        let activation: Activation
        switch try settings.string("hidden_act", default: "quick_gelu") {
        case "quick_gelu": activation = .quickGELU
        case "gelu": activation = .gelu
        default: throw settings.unsupported("hidden_act", supported: "quick_gelu, gelu")
        }
        return try EncoderConfiguration(
            settings,
            defaults: EncoderConfiguration(
                width: 1024, layers: 24, heads: 16, feedForwardWidth: 4096, epsilon: 1e-5, activation: activation))
    }

    /// `vision_feature_layer` counts states from before the first block on, or back from behind the last.
    private static func blocks(_ settings: Settings, layers: Int) throws -> Int {
        if case .array = settings.value("vision_feature_layer") {
            throw settings.unsupported("vision_feature_layer", supported: "one number")
        }
        let index = try settings.integer("vision_feature_layer", in: -layers - 1...layers, default: -2)
        return index < 0 ? layers + 1 + index : index
    }

    /// Image settings of a configuration that brings none: the published checkpoints'.
    static func standInImageSettings(file: String) -> Settings {
        Settings(
            file: file,
            members: [
                "image_mean": .array([0.48145466, 0.4578275, 0.40821073].map(JSONValue.number)),
                "image_std": .array([0.26862954, 0.26130258, 0.27577711].map(JSONValue.number)),
            ])
    }
}

extension SingleFrameImages {
    /// The middle of a picture, as transformers' `CLIPImageProcessor` cuts it out. (The first code of LLaVA padded pictures to
    /// squares instead; transformers' checkpoints say `do_center_crop`.)
    init(llava settings: Settings, model: LlavaConfiguration) throws {
        for key in ["do_resize", "do_center_crop", "do_rescale", "do_normalize"]
        where try !settings.boolean(key, default: true) {
            throw settings.unsupported(key, supported: "true")
        }
        guard try !settings.boolean("do_pad", default: false) else {
            throw settings.unsupported("do_pad", supported: "false")
        }
        try Self.checkCrop(settings, side: model.imageSize)
        self.init(
            side: model.imageSize, tokens: model.tokensPerImage,
            fit: .centre(shortestEdge: try Self.shortestEdge(settings, side: model.imageSize)),
            filter: try ResampleFilter(settings, default: .bicubic), levels: try ColourLevels(normalizing: settings))
    }

    /// `crop_size`, a number or height and width, must be the tower's.
    private static func checkCrop(_ settings: Settings, side: Int) throws {
        guard case .object = settings.value("crop_size"), let crop = try settings.section("crop_size") else {
            guard try settings.integer("crop_size", in: 1...4096, default: side) == side else {
                throw settings.failure("crop_size", expected: "the tower's image_size \(side)")
            }
            return
        }
        for key in ["height", "width"] where try crop.integer(key, in: 1...4096) != side {
            throw crop.failure(key, expected: "the tower's image_size \(side)")
        }
    }

    private static func shortestEdge(_ settings: Settings, side: Int) throws -> Int {
        if case .object = settings.value("size"), let size = try settings.section("size") {
            return try size.integer("shortest_edge", in: side...4096)
        }
        return try settings.integer("size", in: side...4096, default: side)
    }
}
