/// LLaVA-1.5 as transformers holds it (Liu et al. 2023, arXiv:2310.03744; the llava-hf checkpoints).
typealias Llava = ImageTextModel<LlavaVision>

extension LlavaConfiguration: ImageTextConfiguration {
    static let decoderScope = "language_model.model"
}

extension TaggedImageProcessor.Tags {
    static let llava = Self(start: "", marker: "<image>", end: "")
}

extension ModelFamily {
    static let llava = ModelFamily(
        name: "LLaVA-1.5", architectures: ["LlavaForConditionalGeneration"], modelTypes: ["llava"]
    ) { settings in
        let configuration = try LlavaConfiguration(settings)
        let tags = TaggedImageProcessor.Tags.llava
        return Blueprint(
            modelType: "llava", shape: configuration.text.shape, tokensPerFrame: configuration.tokensPerImage,
            mayTieHead: configuration.text.mayTieHead, aliases: .imageText,
            audit: { try Llava.audit($0, configuration) },
            model: { try Llava($0, configuration, backend: $1) },
            checkProcessor: { images, _ in _ = try SingleFrameImages(llava: images, model: configuration) },
            processor: { settings, tokenizer, template in
                // The templates leave `<s>` to the tokenizer.
                try TaggedImageProcessor(
                    tags, SingleFrameImages(llava: settings, model: configuration), tokenizer, template,
                    text: configuration.text, markerToken: configuration.imageToken,
                    leadingToken: tokenizer.namedTokens["bos_token"].flatMap(tokenizer.id(of:)), wantsParts: true,
                    folder: settings.folder)
            },
            standInImageSettings: LlavaConfiguration.standInImageSettings(file: settings.file),
            imageToken: configuration.imageToken, isImageTag: tags.contains)
    }
}
