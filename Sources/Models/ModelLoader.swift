public import Compute

/// Turns folders in Hugging Face's layout and GGUF files into models that are ready to answer.
public enum ModelLoader {
    /// Loads the checkpoint at `path`, a folder or a GGUF file, onto `backend`.
    ///
    /// Everything that can be wrong is found before a tensor is touched: settings, names, shapes, types, leftovers.
    ///
    /// - Throws: `ModelError`, `TokenizerError`, `TemplateError`, or `ComputeError` when the device is full.
    public static func load(
        _ path: String, backend: any Backend, options: LoadOptions = LoadOptions()
    ) throws -> LoadedModel {
        if try GGUF.isMeant(by: path) { return try load(GGUFCheckpoint(GGUF(path)), backend, options) }
        let checkpoint = try Checkpoint(path)
        let blueprint = try ModelFamily.family(of: checkpoint.settings).blueprint(checkpoint.settings)
        let tensors = try checkpoint.tensors(blueprint.aliases)
        try audit(tensors, blueprint)
        let imageSettings = try blueprint.imageSettings(of: checkpoint)
        let tokenizer = try Tokenizer.load(from: path, isSpecial: blueprint.isImageTag)
        let processor = try blueprint.triedProcessor(imageSettings, tokenizer, template(of: path))
        let generation = try GenerationDefaults(checkpoint, tokenizer: tokenizer)
        var card = ModelCard(checkpoint, family: blueprint.modelType, quantization: options.quantization)
        if let quantized = tensors as? QuantizedTensors { card.parameterCount = quantized.parameterCount }
        let weights = Weights.loading(tensors, to: backend, quantization: options.quantization)
        let model = try blueprint.model(weights, backend)
        card.weightBytes = weights.byteCount
        return LoadedModel(
            card: card, model: model, processor: processor, tokenizer: tokenizer, generation: generation)
    }

    private static func load(
        _ checkpoint: GGUFCheckpoint, _ backend: any Backend, _ options: LoadOptions
    ) throws -> LoadedModel {
        let (blueprint, tensors) = (checkpoint.blueprint, checkpoint.tensors)
        try audit(tensors, blueprint)
        let tokenizer = try checkpoint.tokenizer()
        let processor = try blueprint.triedProcessor(
            blueprint.standInImageSettings, tokenizer, checkpoint.template())
        return LoadedModel(
            card: ModelCard(checkpoint.gguf, family: blueprint.modelType, quantization: options.quantization),
            model: try blueprint.model(.loading(tensors, to: backend, quantization: options.quantization), backend),
            processor: processor, tokenizer: tokenizer, generation: try checkpoint.generation())
    }

    /// Throws the first problem that the tensors have.
    private static func audit(_ tensors: any TensorSource, _ blueprint: ModelFamily.Blueprint) throws {
        let audit = Weights.auditing(tensors)
        try blueprint.audit(audit)
        if let problem = audit.problems.first { throw problem }
    }

    /// A model of the given configuration with hashed values for weights: as fast as the trained one, and speechless.
    ///
    /// The image settings come from `preprocessor_config.json` beside the configuration, where there is one; text is
    /// tokenised byte by byte. `type`: f32, f16 or bf16.
    public static func random(
        configuration path: String, backend: any Backend, options: LoadOptions = LoadOptions(), type: DType
    ) throws -> LoadedModel {
        let settings = try Settings(contentsOf: path)
        let blueprint = try ModelFamily.family(of: settings).blueprint(settings)
        let tensors = RandomTensors(type: type, absent: blueprint.mayTieHead ? ["lm_head.weight"] : [])
        let imageSettings =
            try Checkpoint.optionalSettings(settings.folder + "/preprocessor_config.json")
            ?? blueprint.standInImageSettings
        let tokenizer = try StandInText.tokenizer(imageToken: blueprint.imageToken, marker: blueprint.imageMarker)
        let audit = Weights.auditing(tensors)
        try blueprint.audit(audit)
        let weights = Weights.loading(tensors, to: backend, quantization: options.quantization)
        let model = try blueprint.model(weights, backend)
        return LoadedModel(
            card: ModelCard(
                name: ModelCard.name(ofFolder: settings.folder) + " (random weights)", family: blueprint.modelType,
                weightsHash: "random", quantization: options.quantization, parameterCount: audit.parameterCount,
                weightBytes: weights.byteCount, created: 0),
            model: model,
            processor: try blueprint.processor(
                imageSettings, tokenizer,
                StandInText.template(marker: blueprint.imagePlace ?? blueprint.imageMarker)),
            tokenizer: tokenizer, generation: GenerationDefaults(stopTokens: []))
    }

    /// The chat template in `folder`; without one nobody knows how to ask the model anything.
    static func template(of folder: String) throws -> ChatTemplate {
        guard let template = try ChatTemplate.load(from: folder) else {
            throw ModelError.unreadable(
                file: folder + "/chat_template.jinja",
                reason: "it is absent, and neither chat_template.json nor tokenizer_config.json holds a template")
        }
        return template
    }
}
