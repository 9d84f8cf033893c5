import Compute

/// What config.json says of a Gemma 3 checkpoint with a vision tower.
struct Gemma3Configuration: Sendable, Equatable {
    var vision: EncoderConfiguration
    var text: DecoderConfiguration
    /// Side of a picture in pixels.
    var imageSize: Int
    var patchSize: Int
    /// Rows of features along a side of a picture.
    var side: Int
    /// The placeholder `<image_soft_token>`.
    var imageToken: Int32

    /// Patches along a side.
    var grid: Int { imageSize / patchSize }
    /// Rows of features a picture becomes.
    var tokensPerImage: Int { side * side }
    /// Neighbouring patches, along each axis, whose mean becomes one row of features.
    var poolSide: Int { grid / side }

    init(_ settings: Settings) throws {
        guard let visionSettings = try settings.section("vision_config") else {
            throw settings.failure("vision_config", expected: "an object")
        }
        guard let textSettings = try settings.section("text_config") else {
            throw settings.failure("text_config", expected: "an object")
        }
        text = try DecoderConfiguration(gemma3: textSettings, root: settings)
        text.seesImagesWhole = true
        vision = try Self.tower(visionSettings)
        imageSize = try visionSettings.integer("image_size", in: 1...4096, default: 896)
        patchSize = try visionSettings.integer("patch_size", in: 1...4096, default: 14)
        guard imageSize.isMultiple(of: patchSize) else {
            throw visionSettings.failure("image_size", expected: "a multiple of the patch size \(patchSize)")
        }
        let tokens = try settings.integer("mm_tokens_per_image", in: 1...1 << 20, default: 256)
        side = Int(Double(tokens).squareRoot())
        let key = settings.value("image_token_id") == nil ? "image_token_index" : "image_token_id"
        imageToken = Int32(try settings.integer(key, in: 0...text.vocabulary - 1, default: 262_144))
        guard tokensPerImage == tokens, grid.isMultiple(of: side) else {
            throw settings.failure(
                "mm_tokens_per_image", expected: "the square of a divisor of the \(grid) patches of a side")
        }
        // So that a row of a picture sees the whole of it in every layer, wherever in it a step begins.
        if let window = text.sliding?.window, window < tokens {
            throw textSettings.failure("sliding_window", expected: "at least the \(tokens) tokens of a picture")
        }
    }

    /// What a file leaves out is as in SigLIP-so400m, which all published sizes have.
    private static func tower(_ settings: Settings) throws -> EncoderConfiguration {
        guard try settings.string("model_type", default: "siglip_vision_model") == "siglip_vision_model" else {
            throw settings.unsupported("model_type", supported: "siglip_vision_model")
        }
        guard try settings.string("hidden_act", default: "gelu_pytorch_tanh") == "gelu_pytorch_tanh" else {
            throw settings.unsupported("hidden_act", supported: "gelu_pytorch_tanh")
        }
        return try EncoderConfiguration(
            settings,
            defaults: EncoderConfiguration(
                width: 1152, layers: 27, heads: 16, feedForwardWidth: 4304, epsilon: 1e-6, activation: .geluTanh))
    }

    /// Image settings of a configuration that brings none: the published checkpoints'.
    static func standInImageSettings(file: String) -> Settings {
        let half = JSONValue.array([0.5, 0.5, 0.5].map(JSONValue.number))
        return Settings(file: file, members: ["image_mean": half, "image_std": half])
    }
}

extension SingleFrameImages {
    /// The whole picture in one square, its shape ignored, as transformers' `Gemma3ImageProcessor` makes it. Pan and scan, which
    /// would add cuttings of long pictures, is off in the published settings.
    init(gemma3 settings: Settings, model: Gemma3Configuration) throws {
        for key in ["do_resize", "do_rescale", "do_normalize"] where try !settings.boolean(key, default: true) {
            throw settings.unsupported(key, supported: "true")
        }
        guard try !settings.boolean("do_pan_and_scan", default: false) else {
            throw settings.unsupported("do_pan_and_scan", supported: "false")
        }
        if let size = try settings.section("size") {
            for key in ["height", "width"] where try size.integer(key, in: 1...4096) != model.imageSize {
                throw size.failure(key, expected: "the tower's image_size \(model.imageSize)")
            }
        }
        guard
            try settings.integer("image_seq_length", in: 1...1 << 20, default: model.tokensPerImage)
                == model.tokensPerImage
        else {
            throw settings.failure("image_seq_length", expected: "\(model.tokensPerImage), as config.json says")
        }
        self.init(
            side: model.imageSize, tokens: model.tokensPerImage, fit: .stretched,
            filter: try ResampleFilter(settings, default: .bilinear), levels: try ColourLevels(normalizing: settings))
    }
}
