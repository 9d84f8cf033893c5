/// Llama Nemotron Nano VL (NVIDIA 2025, nvidia/Llama-3.1-Nemotron-Nano-VL-8B-V1).
typealias NemotronVL = ImageTextModel<NemotronVLVision>

extension NemotronVLConfiguration: ImageTextConfiguration {
    static let decoderScope = "language_model.model"
}

extension TensorAliases {
    /// The published names, those of towers saved by themselves, and those that transformers 5 gives composite models.
    static let nemotronVL = TensorAliases(canonicalPrefixes: [
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

extension TaggedImageProcessor.Tags {
    static let nemotronVL = Self(start: "<img>", marker: "<image>", end: "</img>")
}

extension ModelFamily {
    static let nemotronVL = ModelFamily(
        name: "Llama Nemotron VL", architectures: ["Llama_Nemotron_Nano_VL"], modelTypes: ["Llama_Nemotron_Nano_VL"]
    ) { settings in
        let configuration = try NemotronVLConfiguration(settings)
        let tags = TaggedImageProcessor.Tags.nemotronVL
        return Blueprint(
            modelType: "Llama_Nemotron_Nano_VL", shape: configuration.text.shape,
            tokensPerFrame: configuration.tokensPerTile, mayTieHead: configuration.text.mayTieHead,
            aliases: .nemotronVL,
            audit: { try NemotronVL.audit($0, configuration) },
            model: { try NemotronVL($0, configuration, backend: $1) },
            checkProcessor: { images, _ in _ = try TiledImages(nemotronVL: images, model: configuration) },
            processor: { settings, tokenizer, template in
                try TaggedImageProcessor(
                    tags, TiledImages(nemotronVL: settings, model: configuration), tokenizer, template,
                    text: configuration.text, folder: settings.folder)
            },
            // Every setting of the image processor has a default.
            standInImageSettings: Settings(file: settings.file, members: [:]), imageToken: nil,
            isImageTag: tags.contains)
    }
}
