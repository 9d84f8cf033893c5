/// Idefics3, SmolVLM and SmolVLM2.
typealias SmolVLM = ImageTextModel<SmolVLMVision>

extension SmolVLMConfiguration: ImageTextConfiguration {
    static let decoderScope = "model.text_model"
}

extension TensorAliases {
    /// Names of transformers 4.46 to 5, of checkpoints that put the towers at the top, and of conversions that use
    /// the newer generic names.
    static let smolVLM = TensorAliases(canonicalPrefixes: [
        "model.vision_model.": "model.vision_model.",
        "vision_model.": "model.vision_model.",
        "model.vision_tower.": "model.vision_model.",
        "vision_tower.": "model.vision_model.",
        "model.vision_model.vision_model.": "model.vision_model.",
        "model.vision_tower.vision_model.": "model.vision_model.",
        "vision_tower.vision_model.": "model.vision_model.",
        "model.connector.": "model.connector.",
        "connector.": "model.connector.",
        "model.text_model.": "model.text_model.",
        "text_model.": "model.text_model.",
        "model.language_model.": "model.text_model.",
        "language_model.model.": "model.text_model.",
        "language_model.lm_head.": "lm_head.",
        "model.text_model.lm_head.": "lm_head.",
    ])
}

extension ModelFamily {
    static let smolVLM = ModelFamily(
        name: "SmolVLM",
        architectures: ["Idefics3ForConditionalGeneration", "SmolVLMForConditionalGeneration"],
        modelTypes: ["idefics3", "smolvlm"]
    ) { settings in
        let configuration = try SmolVLMConfiguration(settings)
        return Blueprint(
            modelType: try settings.string("model_type", default: "idefics3"),
            shape: configuration.shape, tokensPerFrame: configuration.tokensPerFrame,
            mayTieHead: configuration.text.mayTieHead, aliases: .smolVLM,
            audit: { try SmolVLM.audit($0, configuration) },
            model: { try SmolVLM($0, configuration, backend: $1) },
            checkProcessor: { images, processor in
                _ = try SmolVLMImageProcessor(images, model: configuration)
                try SmolVLMProcessor.check(processor, model: configuration)
            },
            processor: { try SmolVLMProcessor($0, $1, $2, model: configuration) },
            standInImageSettings: SmolVLMImageProcessor.classDefaults(configuration, file: settings.file),
            imageToken: configuration.imageToken, isImageTag: SmolVLMProcessor.isTag)
    }
}
