/// InternVL3 as transformers holds it (Zhu et al. 2025, arXiv:2504.10479; the "-hf" checkpoints).
typealias InternVL = ImageTextModel<InternVLVision>

extension InternVLConfiguration: ImageTextConfiguration {
    static let decoderScope = "language_model.model"
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
            mayTieHead: configuration.text.mayTieHead, aliases: .imageText,
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
