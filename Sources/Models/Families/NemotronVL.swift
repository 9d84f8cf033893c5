import Compute

/// Llama Nemotron Nano VL (NVIDIA 2025, nvidia/Llama-3.1-Nemotron-Nano-VL-8B-V1): features of tiles stand in the
/// decoder's input where `<image>` tokens are.
struct NemotronVL: VisionLanguageModel {
    let shape: ModelShape
    let vision: NemotronVLVision
    let decoder: TextDecoder
    private let backend: any Backend

    init(_ weights: Weights, _ configuration: NemotronVLConfiguration, backend: any Backend) throws {
        shape = configuration.text.shape
        vision = try NemotronVLVision(weights.withEightBits, configuration)
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
    static func audit(_ weights: Weights, _ configuration: NemotronVLConfiguration) throws {
        _ = try NemotronVLVision(weights, configuration)
        _ = try TextDecoder(weights.scoped("language_model.model"), root: weights, configuration.text)
    }

    static let tags = TaggedImageProcessor.Tags(start: "<img>", marker: "<image>", end: "</img>")

    /// The published names, those of towers saved by themselves, and those that transformers 5 gives composite models.
    static let aliases = TensorAliases(canonicalPrefixes: [
        "vision_model.radio_model.": "vision_model.radio_model.",
        "model.vision_model.radio_model.": "vision_model.radio_model.",
        "vision_tower.radio_model.": "vision_model.radio_model.",
        "model.vision_tower.radio_model.": "vision_model.radio_model.",
        "radio_model.": "vision_model.radio_model.",
        "mlp1.": "mlp1.",
        "model.mlp1.": "mlp1.",
        "language_model.model.": "language_model.model.",
        "model.language_model.model.": "language_model.model.",
        "model.language_model.": "language_model.model.",
        "language_model.lm_head.": "lm_head.",
        "model.language_model.lm_head.": "lm_head.",
        "model.lm_head.": "lm_head.",
    ])
}

extension ModelFamily {
    static let nemotronVL = ModelFamily(
        name: "Llama Nemotron VL", architectures: ["Llama_Nemotron_Nano_VL"], modelTypes: ["Llama_Nemotron_Nano_VL"]
    ) { settings in
        let configuration = try NemotronVLConfiguration(settings)
        return Blueprint(
            modelType: "Llama_Nemotron_Nano_VL", shape: configuration.text.shape,
            tokensPerFrame: configuration.tokensPerTile, mayTieHead: configuration.text.mayTieHead,
            aliases: NemotronVL.aliases,
            audit: { try NemotronVL.audit($0, configuration) },
            model: { try NemotronVL($0, configuration, backend: $1) },
            checkProcessor: { images, _ in _ = try TiledImages(nemotronVL: images, model: configuration) },
            processor: { settings, tokenizer, template in
                try TaggedImageProcessor(
                    NemotronVL.tags, TiledImages(nemotronVL: settings, model: configuration), tokenizer, template,
                    text: configuration.text, folder: settings.folder)
            },
            // Every setting of the image processor has a default.
            standInImageSettings: Settings(file: settings.file, members: [:]), imageToken: nil,
            isImageTag: NemotronVL.tags.contains)
    }
}
