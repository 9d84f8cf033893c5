/// InternVL3 as transformers holds it (Zhu et al. 2025, arXiv:2504.10479; the "-hf" checkpoints).
typealias InternVL = ImageTextModel<InternVLVision>

extension InternVLConfiguration: ImageTextConfiguration {
    static let decoderScope = "language_model.model"
}

extension TensorAliases {
    /// Names that transformers 4.52 to 5 have written.
    static let internVL = TensorAliases(canonicalPrefixes: [
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

extension TaggedImageProcessor.Tags {
    static let internVL = Self(start: "<img>", marker: "<IMG_CONTEXT>", end: "</img>")
}

extension ModelFamily {
    static let internVL = ModelFamily(
        name: "InternVL", architectures: ["InternVLForConditionalGeneration"], modelTypes: ["internvl"]
    ) { settings in
        let configuration = try InternVLConfiguration(settings)
        let tags = TaggedImageProcessor.Tags.internVL
        return Blueprint(
            modelType: "internvl", shape: configuration.text.shape, tokensPerFrame: configuration.tokensPerTile,
            mayTieHead: configuration.text.mayTieHead, aliases: .internVL,
            audit: { try InternVL.audit($0, configuration) },
            model: { try InternVL($0, configuration, backend: $1) },
            checkProcessor: { images, _ in _ = try TiledImages(internVL: images, model: configuration) },
            processor: { settings, tokenizer, template in
                try TaggedImageProcessor(
                    tags, TiledImages(internVL: settings, model: configuration), tokenizer, template,
                    text: configuration.text, markerToken: configuration.imageToken, folder: settings.folder)
            },
            standInImageSettings: InternVLConfiguration.standInImageSettings(file: settings.file),
            imageToken: configuration.imageToken, imageMarker: tags.marker, isImageTag: tags.contains)
    }
}
