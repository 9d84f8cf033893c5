import Compute

/// What config.json says of an InternVL3 checkpoint in transformers' layout.
struct InternVLConfiguration: Sendable, Equatable {
    var vision: EncoderConfiguration
    var text: DecoderConfiguration
    /// Side of a tile in pixels.
    var tile: Int
    var patchSize: Int
    var projection: ShuffledProjection.Sizes
    /// The placeholder `<IMG_CONTEXT>`.
    var imageToken: Int32

    var grid: Int { projection.grid }
    /// Rows of features a tile becomes.
    var tokensPerTile: Int { projection.side * projection.side }

    init(_ settings: Settings) throws {
        guard let textSettings = try settings.section("text_config") else {
            throw settings.failure("text_config", expected: "an object")
        }
        let visionSettings =
            try settings.section("vision_config")
            ?? Settings(file: settings.file, path: "vision_config", members: [:])
        text = try DecoderConfiguration(textSettings, root: settings, kinds: ["qwen2", "llama"])
        vision = try Self.tower(visionSettings)
        tile = try Self.side(visionSettings, "image_size", default: 448)
        patchSize = try Self.side(visionSettings, "patch_size", default: 14)
        guard tile.isMultiple(of: patchSize) else {
            throw visionSettings.failure("image_size", expected: "a multiple of the patch size \(patchSize)")
        }
        projection = try Self.projection(settings, grid: tile / patchSize, width: vision.width, text: text.width)
        imageToken = Int32(try settings.integer("image_token_id", in: 0...text.vocabulary - 1, default: 151_667))
        guard try settings.integer("image_seq_length", in: 1...1 << 20, default: tokensPerTile) == tokensPerTile else {
            throw settings.failure("image_seq_length", expected: "\(tokensPerTile), which follows from the other sizes")
        }
    }

    /// The class defaults of transformers are InternViT-300M.
    private static func tower(_ settings: Settings) throws -> EncoderConfiguration {
        for (key, value) in [
            ("use_qk_norm", false), ("use_absolute_position_embeddings", true), ("use_mean_pooling", true),
        ] where try settings.boolean(key, default: value) != value {
            throw settings.unsupported(key, supported: "\(value)")
        }
        for (key, value) in [("norm_type", "layer_norm"), ("hidden_act", "gelu")]
        where try settings.string(key, default: value) != value {
            throw settings.unsupported(key, supported: value)
        }
        return try EncoderConfiguration(
            settings,
            defaults: EncoderConfiguration(
                width: 1024, layers: 24, heads: 16, feedForwardWidth: 4096, epsilon: 1e-6, activation: .gelu,
                hasQueryKeyValueBias: settings.boolean("attention_bias", default: false)))
    }

    /// Two equal sides, or one number for both.
    private static func side(_ settings: Settings, _ key: String, default fallback: Int) throws -> Int {
        guard case .array = settings.value(key) else {
            return try settings.integer(key, in: 1...4096, default: fallback)
        }
        let sides = try settings.integers(key, in: 1...4096) ?? []
        guard let side = sides.first, sides == [side, side] else {
            throw settings.failure(key, expected: "two equal numbers")
        }
        return side
    }

    private static func projection(
        _ settings: Settings, grid: Int, width: Int, text: Int
    ) throws -> ShuffledProjection.Sizes {
        for (key, value) in [("projector_hidden_act", "gelu"), ("vision_feature_select_strategy", "default")]
        where try settings.string(key, default: value) != value {
            throw settings.unsupported(key, supported: value)
        }
        guard try settings.integer("vision_feature_layer", in: -1024...1024, default: -1) == -1 else {
            throw settings.unsupported("vision_feature_layer", supported: "-1")
        }
        return ShuffledProjection.Sizes(
            grid: grid, factor: try ShuffledProjection.factor(settings, grid: grid), width: width, middleWidth: text,
            outputWidth: text, isTransposed: false)
    }

    /// Image settings of a configuration that brings none: the published checkpoints'.
    static func standInImageSettings(file: String) -> Settings {
        Settings(
            file: file,
            members: [
                "image_mean": .array([0.485, 0.456, 0.406].map(JSONValue.number)),
                "image_std": .array([0.229, 0.224, 0.225].map(JSONValue.number)),
            ])
    }
}

extension TiledImages {
    /// Tiles as InternVL3 sees them. transformers' `InternVLProcessor` asks for them whatever `crop_to_patches` says in
    /// preprocessor_config.json, and so does this.
    init(internVL settings: Settings, model: InternVLConfiguration) throws {
        for key in ["do_resize", "do_rescale", "do_normalize"] where try !settings.boolean(key, default: true) {
            throw settings.unsupported(key, supported: "true")
        }
        if let size = try settings.section("size") {
            for key in ["height", "width"] where try size.integer(key, in: 1...4096) != model.tile {
                throw size.failure(key, expected: "the tower's image_size \(model.tile)")
            }
        }
        guard try settings.integer("min_patches", in: 1...64, default: 1) == 1 else {
            throw settings.unsupported("min_patches", supported: "1")
        }
        self.init(
            tile: model.tile, tokensPerTile: model.tokensPerTile,
            mostTiles: try settings.integer("max_patches", in: 1...64, default: 12), hasThumbnail: true,
            filter: try ResampleFilter(settings, default: .bicubic), rule: .closestRatio, isDoubled: false,
            levels: try ColourLevels(normalizing: settings))
    }
}
