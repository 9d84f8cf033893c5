/// Qwen2.5-VL (Bai et al. 2025, arXiv:2502.13923) and Qwen3-VL, for pictures and not for video.
typealias QwenVL = ImageTextModel<QwenVLVision>

extension QwenVLConfiguration: ImageTextConfiguration {
    static let decoderScope = "language_model"
}

extension TensorAliases {
    /// The hub's names of both generations, and those that transformers 4.52 to 5 have in memory.
    static let qwenVL = TensorAliases(canonicalPrefixes: [
        "visual.": "visual.",
        "model.visual.": "visual.",
        "model.": "language_model.",
        "model.language_model.": "language_model.",
        "language_model.model.": "language_model.",
        "language_model.lm_head.": "lm_head.",
    ])
}

extension ModelFamily {
    static let qwen25VL = qwenVL(
        name: "Qwen2.5-VL", architecture: "Qwen2_5_VLForConditionalGeneration", modelType: "qwen2_5_vl", .qwen25)
    static let qwen3VL = qwenVL(
        name: "Qwen3-VL", architecture: "Qwen3VLForConditionalGeneration", modelType: "qwen3_vl", .qwen3)

    private static func qwenVL(
        name: String, architecture: String, modelType: String, _ generation: QwenVLConfiguration.Generation
    ) -> ModelFamily {
        ModelFamily(name: name, architectures: [architecture], modelTypes: [modelType]) { settings in
            let configuration = try QwenVLConfiguration(settings, generation)
            return Blueprint(
                modelType: modelType, shape: configuration.text.shape, tokensPerFrame: nil,
                tokenSide: configuration.tokenSide, mayTieHead: configuration.text.mayTieHead, aliases: .qwenVL,
                audit: { try QwenVL.audit($0, configuration) },
                model: { try QwenVL($0, configuration, backend: $1) },
                checkProcessor: { images, _ in _ = try QwenVLImages(images, model: configuration) },
                processor: { try QwenVLProcessor($0, $1, $2, model: configuration) },
                standInImageSettings: QwenVLImages.standInSettings(generation, file: settings.file),
                imageToken: configuration.imageToken, imageMarker: QwenVLProcessor.marker,
                isImageTag: QwenVLProcessor.isTag)
        }
    }
}
