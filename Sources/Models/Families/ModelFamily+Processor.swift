/// What loading and inspecting make of a checkpoint's image settings, tokenizer and template, so that they cannot disagree.
extension ModelFamily.Blueprint {
    /// The checkpoint's image settings, or stand-ins, once they are known to fit.
    func imageSettings(of checkpoint: Checkpoint) throws -> Settings {
        let settings = try checkpoint.imageProcessorSettings() ?? standInImageSettings
        try checkProcessor(settings, checkpoint.processorSettings())
        return settings
    }

    /// The processor, once it has made a prompt, of one small picture where the model takes any: a template that fails,
    /// or a context without room for an image, shows before any weights are loaded.
    func triedProcessor(
        _ imageSettings: Settings, _ tokenizer: Tokenizer, _ template: ChatTemplate
    ) throws -> any PromptProcessor {
        let processor = try processor(imageSettings, tokenizer, template)
        guard takesImages else {
            _ = try processor.prompt(for: [ChatMessage(role: "user", content: [.text("Who are you?")])], images: [])
            return processor
        }
        let picture = RGBImage(width: 8, height: 8, pixels: [UInt8](repeating: 128, count: 8 * 8 * 3))
        let question = ChatMessage(role: "user", content: [.image, .text("What is in this image?")])
        _ = try processor.prompt(for: [question], images: [processor.process(picture, maxTiles: 1)])
        return processor
    }
}
