import Compute

/// InternVL3 as transformers holds it (Zhu et al. 2025, arXiv:2504.10479; the "-hf" checkpoints): features of tiles stand in
/// the decoder's input where `<IMG_CONTEXT>` tokens are.
struct InternVL: VisionLanguageModel {
    let shape: ModelShape
    let vision: InternVLVision
    let decoder: TextDecoder
    private let backend: any Backend

    init(_ weights: Weights, _ configuration: InternVLConfiguration, backend: any Backend) throws {
        shape = configuration.text.shape
        vision = try InternVLVision(weights.withEightBits, configuration)
        decoder = try TextDecoder(weights.scoped("language_model.model"), root: weights, configuration.text)
        self.backend = backend
    }

    func beginEncoding(_ image: ProcessedImage) throws -> any ImageEncoding {
        FrameEncoding(of: image, by: vision, on: backend)
    }

    var stepWeightBytes: Int? { decoder.stepWeightBytes }

    func forward(_ batch: ForwardBatch, cache: KVCache) throws -> Tensor {
        try decoder.forward(batch, cache: cache, on: backend)
    }

    /// Checks every tensor without allocating any.
    static func audit(_ weights: Weights, _ configuration: InternVLConfiguration) throws {
        _ = try InternVLVision(weights, configuration)
        _ = try TextDecoder(weights.scoped("language_model.model"), root: weights, configuration.text)
    }

    static let tags = TaggedImageProcessor.Tags(start: "<img>", marker: "<IMG_CONTEXT>", end: "</img>")

    /// Names that transformers 4.52 to 5 have written.
    static let aliases = TensorAliases(canonicalPrefixes: [
        "vision_tower.": "vision_tower.",
        "model.vision_tower.": "vision_tower.",
        "multi_modal_projector.": "multi_modal_projector.",
        "model.multi_modal_projector.": "multi_modal_projector.",
        "language_model.model.": "language_model.model.",
        "model.language_model.": "language_model.model.",
        "model.language_model.model.": "language_model.model.",
        "language_model.lm_head.": "lm_head.",
        "model.language_model.lm_head.": "lm_head.",
    ])
}

extension ModelFamily {
    static let internVL = ModelFamily(
        name: "InternVL", architectures: ["InternVLForConditionalGeneration"], modelTypes: ["internvl"]
    ) { settings in
        let configuration = try InternVLConfiguration(settings)
        return Blueprint(
            modelType: "internvl", shape: configuration.text.shape, tokensPerFrame: configuration.tokensPerTile,
            mayTieHead: configuration.text.mayTieHead, aliases: InternVL.aliases,
            audit: { try InternVL.audit($0, configuration) },
            model: { try InternVL($0, configuration, backend: $1) },
            checkProcessor: { images, _ in _ = try TiledImages(internVL: images, model: configuration) },
            processor: { settings, tokenizer, template in
                try TaggedImageProcessor(
                    InternVL.tags, TiledImages(internVL: settings, model: configuration), tokenizer, template,
                    text: configuration.text, markerToken: configuration.imageToken, folder: settings.folder)
            },
            standInImageSettings: InternVLConfiguration.standInImageSettings(file: settings.file),
            imageToken: configuration.imageToken, imageMarker: InternVL.tags.marker, isImageTag: InternVL.tags.contains)
    }
}
