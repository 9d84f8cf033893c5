import Compute

/// What config.json says of an Idefics3, SmolVLM or SmolVLM2 checkpoint (Marafioti et al. 2025, arXiv:2504.05299).
struct SmolVLMConfiguration: Sendable, Equatable {
    var vision: EncoderConfiguration
    var text: DecoderConfiguration
    /// Side of a frame in pixels; every frame is square.
    var imageSize: Int
    var patchSize: Int
    /// Neighbouring cells folded into one token, along each axis.
    var scaleFactor: Int
    /// The placeholder `<image>`.
    var imageToken: Int32

    /// Patches along a side; pixels beyond the last whole patch are not seen.
    var grid: Int { imageSize / patchSize }
    /// Rows of features a frame becomes.
    var tokensPerFrame: Int { (grid / scaleFactor) * (grid / scaleFactor) }
    var shape: ModelShape { text.shape }

    init(_ settings: Settings) throws {
        guard let textSettings = try settings.section("text_config") else {
            throw settings.failure("text_config", expected: "an object")
        }
        let visionSettings =
            try settings.section("vision_config")
            ?? Settings(file: settings.file, path: "vision_config", members: [:])
        text = try DecoderConfiguration(textSettings, root: settings)
        imageSize = try visionSettings.integer("image_size", in: 1...4096, default: 224)
        patchSize = try visionSettings.integer("patch_size", in: 1...imageSize, default: 32)
        vision = try Self.encoder(visionSettings)
        scaleFactor = try settings.integer("scale_factor", in: 1...64, default: 2)
        imageToken = Int32(try settings.integer("image_token_id", in: 0...text.vocabulary - 1))
        guard grid.isMultiple(of: scaleFactor) else {
            throw settings.failure("scale_factor", expected: "a divisor of the \(grid) patches of a side")
        }
    }

    /// Old files leave out what equals the class defaults of transformers; the tensors' shapes are checked either way.
    private static func encoder(_ settings: Settings) throws -> EncoderConfiguration {
        try EncoderConfiguration(
            settings,
            defaults: EncoderConfiguration(
                width: 1152, layers: 12, heads: 16, feedForwardWidth: 3072, epsilon: 1e-6,
                activation: activation(settings)))
    }

    private static func activation(_ settings: Settings) throws -> Activation {
        switch try settings.string("hidden_act", default: "gelu_pytorch_tanh") {
        case "gelu_pytorch_tanh", "gelu_new": return .geluTanh
        case "gelu": return .gelu
        case "silu": return .silu
        default: throw settings.unsupported("hidden_act", supported: "gelu_pytorch_tanh, gelu, silu")
        }
    }
}
