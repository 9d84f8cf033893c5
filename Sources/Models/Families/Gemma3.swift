/// Gemma 3 with its eye (Gemma Team 2025, arXiv:2503.19786): 4B, 12B and 27B.
typealias Gemma3 = ImageTextModel<Gemma3Vision>

extension Gemma3Configuration: ImageTextConfiguration {
    static let decoderScope = "language_model.model"
}

extension TaggedImageProcessor.Tags {
    /// The template writes the tag that begins a picture, and transformers' processor the rest, empty lines included.
    static let gemma3 = Self(
        start: "<start_of_image>", marker: "<image_soft_token>", end: "<end_of_image>", written: "<start_of_image>",
        around: "\n\n")
}

extension ModelFamily {
    static let gemma3 = ModelFamily(
        name: "Gemma 3", architectures: ["Gemma3ForConditionalGeneration"], modelTypes: ["gemma3"]
    ) { settings in
        let configuration = try Gemma3Configuration(settings)
        let tags = TaggedImageProcessor.Tags.gemma3
        return Blueprint(
            modelType: "gemma3", shape: configuration.text.shape, tokensPerFrame: configuration.tokensPerImage,
            mayTieHead: configuration.text.mayTieHead, aliases: .imageText,
            audit: { try Gemma3.audit($0, configuration) },
            model: { try Gemma3($0, configuration, backend: $1) },
            checkProcessor: { images, _ in _ = try SingleFrameImages(gemma3: images, model: configuration) },
            processor: { settings, tokenizer, template in
                try TaggedImageProcessor(
                    tags, SingleFrameImages(gemma3: settings, model: configuration), tokenizer, template,
                    text: configuration.text, markerToken: configuration.imageToken, folder: settings.folder)
            },
            standInImageSettings: Gemma3Configuration.standInImageSettings(file: settings.file),
            imageToken: configuration.imageToken, imageMarker: tags.marker, imagePlace: tags.place,
            isImageTag: tags.contains)
    }

    /// Gemma 3 by itself: 270M and 1B, and decoders that were cut out of the others.
    static let gemma3Text = ModelFamily(
        name: "Gemma 3 (text)", architectures: ["Gemma3ForCausalLM"], modelTypes: ["gemma3_text"]
    ) {
        .text(try DecoderConfiguration(gemma3: $0, root: $0), modelType: "gemma3_text", writesFirstToken: false)
    }
}
