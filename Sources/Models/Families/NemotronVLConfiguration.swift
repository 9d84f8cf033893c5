import Compute

/// What config.json says of a Llama Nemotron Nano VL checkpoint.
///
/// The published file describes the tower by its training arguments only (`vision_config.args`): a timm model's name, the
/// teachers, the largest picture. Keys of transformers' own `RadioConfig` in `vision_config` come first where they are
/// there.
struct NemotronVLConfiguration: Sendable, Equatable {
    var vision: EncoderConfiguration
    var text: DecoderConfiguration
    /// Side of a tile in pixels.
    var tile: Int
    var patchSize: Int
    var projection: ShuffledProjection.Sizes
    /// Whether the position table is resampled with its corner cells at the corners of a tile's grid
    /// (`vision_config.align_corners`, a key of ours; published files do not say).
    ///
    /// True by default: RADIO's own code did so until June 2025 and the training code until 2026, so it is what this
    /// generation was trained with. Later code resamples with the corners of the pictures aligned instead, which moves
    /// features by about 2 % of the largest.
    var alignsCorners: Bool
    /// Cells along a side of the position table, and tokens in front of the patches, where no checkpoint is there to tell.
    var positionSide: Int
    var prefixTokens: Int

    /// Patches along a side of a tile.
    var grid: Int { projection.grid }
    /// Rows of features a tile becomes.
    var tokensPerTile: Int { projection.side * projection.side }

    init(_ settings: Settings) throws {
        let textKey = settings.value("llm_config") == nil ? "text_config" : "llm_config"
        guard let textSettings = try settings.section(textKey) else {
            throw settings.failure("llm_config", expected: "an object")
        }
        let visionSettings =
            try settings.section("vision_config")
            ?? Settings(file: settings.file, path: "vision_config", members: [:])
        let arguments =
            try visionSettings.section("args")
            ?? Settings(file: settings.file, path: "vision_config.args", members: [:])
        for (section, key) in [
            (visionSettings, "vitdet_window_size"), (visionSettings, "feature_normalizer_config"),
            (visionSettings, "inter_feature_normalizer_config"),
        ] where section.value(key) != nil {
            throw section.unsupported(key, supported: "null")
        }
        text = try DecoderConfiguration(textSettings, root: settings)
        vision = try Self.tower(visionSettings, arguments, root: settings)
        let patch = try visionSettings.integer("patch_size", in: 1...4096, default: 16)
        tile = try settings.integer("force_image_size", in: 1...4096, default: 512)
        patchSize = try settings.integer("patch_size", in: 1...tile, default: patch)
        guard tile.isMultiple(of: patchSize) else {
            throw settings.failure("force_image_size", expected: "a multiple of the patch size \(patchSize)")
        }
        projection = try Self.projection(settings, grid: tile / patchSize, width: vision.width, text: text.width)
        alignsCorners = try visionSettings.boolean("align_corners", default: true)
        let largest = try arguments.integer("cpe_max_size", in: patchSize...1 << 16, default: 2048)
        positionSide = try visionSettings.integer("max_img_size", in: patchSize...1 << 16, default: largest) / patchSize
        prefixTokens = try Self.prefixTokens(visionSettings, arguments)
        guard try settings.string("image_tag_type", default: "internvl") == "internvl" else {
            throw settings.unsupported("image_tag_type", supported: "internvl")
        }
    }

    /// `downsample_ratio`, `ps_version`, `projector_hidden_size`: absent, they mean what the published code's class means
    /// without them. The published checkpoint has "v2".
    private static func projection(
        _ settings: Settings, grid: Int, width: Int, text: Int
    ) throws -> ShuffledProjection.Sizes {
        let version = try settings.string("ps_version", default: "v1")
        guard ["v1", "v2"].contains(version) else { throw settings.unsupported("ps_version", supported: "v1, v2") }
        return ShuffledProjection.Sizes(
            grid: grid, factor: try ShuffledProjection.factor(settings, grid: grid), width: width,
            middleWidth: try settings.integer("projector_hidden_size", in: 1...1 << 20, default: text),
            outputWidth: text, isTransposed: version == "v1")
    }

    /// Sizes of the transformers that timm's names stand for: width, layers, heads.
    private static let timmSizes = [
        "vit_base": (768, 12, 12), "vit_large": (1024, 24, 16), "vit_huge": (1280, 32, 16),
    ]

    private static func tower(
        _ settings: Settings, _ arguments: Settings, root: Settings
    ) throws -> EncoderConfiguration {
        let name = try arguments.string("model", default: "vit_huge_patch16_224")
        guard let known = timmSizes.first(where: { name.hasPrefix($0.key + "_patch") })?.value else {
            throw arguments.unsupported("model", supported: "vit_base, vit_large, vit_huge")
        }
        let width = try settings.integer("hidden_size", in: 1...65_536, default: known.0)
        let heads = try settings.integer("num_attention_heads", in: 1...1024, default: known.2)
        guard width.isMultiple(of: heads) else {
            throw settings.failure("num_attention_heads", expected: "a divisor of the width \(width)")
        }
        guard try root.integer("vit_hidden_size", in: 1...65_536, default: width) == width else {
            throw root.failure("vit_hidden_size", expected: "\(width), the width of the tower")
        }
        let ratio = try settings.number("mlp_ratio", in: 0.01...64, default: 4)
        return EncoderConfiguration(
            width: width, layers: try settings.integer("num_hidden_layers", in: 1...1024, default: known.1),
            heads: heads,
            feedForwardWidth: max(1, Int(Double(width) * ratio)),
            epsilon: Float(try settings.number("layer_norm_eps", in: 1e-12...0.1, default: 1e-6)), activation: .gelu)
    }

    /// RADIO's rule: a class token for each teacher (or one), then registers that fill up to a multiple.
    private static func prefixTokens(_ settings: Settings, _ arguments: Settings) throws -> Int {
        let multiple = try arguments.integer("register_multiple", in: 1...256, default: 8)
        let teachers = try arguments.boolean("cls_token_per_teacher", default: true) ? teacherCount(arguments) : 1
        let classes = try settings.integer("num_cls_tokens", in: 1...256, default: teachers)
        return classes
            + (try settings.integer("num_registers", in: 0...256, default: multiple - classes % multiple))
    }

    /// Teachers of different names; four where the file lists none.
    private static func teacherCount(_ arguments: Settings) throws -> Int {
        guard let value = arguments.value("teachers") else { return 4 }
        guard case .array(let teachers) = value, (1...256).contains(teachers.count) else {
            throw arguments.failure("teachers", expected: "an array of 1 to 256 objects")
        }
        let names = teachers.map { teacher -> JSONValue in
            guard case .object(let members) = teacher else { return .null }
            return members["name"] ?? .null
        }
        return names.indices.filter { !names[..<$0].contains(names[$0]) }.count
    }
}
