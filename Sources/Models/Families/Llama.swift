import Compute

/// A decoder by itself, Llama's or one that differs in its configuration: text in, text out (Touvron et al. 2023,
/// arXiv:2302.13971).
struct Llama: VisionLanguageModel {
    let shape: ModelShape
    let decoder: TextDecoder
    private let backend: any Backend

    init(_ weights: Weights, _ configuration: DecoderConfiguration, backend: any Backend) throws {
        shape = configuration.shape
        decoder = try TextDecoder(weights.scoped("model"), root: weights, configuration)
        self.backend = backend
    }

    var stepWeightBytes: Int? { decoder.stepWeightBytes }

    func forward(_ batch: ForwardBatch, cache: KVCache) throws -> Tensor {
        try decoder.forward(batch, cache: cache, on: backend)
    }

    /// Checks every tensor without allocating any.
    static func audit(_ weights: Weights, _ configuration: DecoderConfiguration) throws {
        _ = try TextDecoder(weights.scoped("model"), root: weights, configuration)
    }
}

extension ModelFamily {
    static let llama = ModelFamily(name: "Llama", architectures: ["LlamaForCausalLM"], modelTypes: ["llama"]) {
        .text(try DecoderConfiguration($0, root: $0), modelType: "llama", writesFirstToken: false)
    }
}

extension ModelFamily.Blueprint {
    /// What is built from a configuration of a decoder by itself, wherever that was read.
    ///
    /// `writesFirstToken`: prompts begin with the tokenizer's beginning token, whether or not the template writes it.
    static func text(_ configuration: DecoderConfiguration, modelType: String, writesFirstToken: Bool) -> Self {
        Self(
            modelType: modelType, shape: configuration.shape, tokensPerFrame: nil,
            mayTieHead: configuration.mayTieHead, aliases: TensorAliases(canonicalPrefixes: [:]),
            audit: { try Llama.audit($0, configuration) },
            model: { try Llama($0, configuration, backend: $1) },
            checkProcessor: { _, _ in },
            processor: { _, tokenizer, template in
                let first = writesFirstToken ? tokenizer.namedTokens["bos_token"].flatMap(tokenizer.id(of:)) : nil
                return TextProcessor(
                    tokenizer, template, contextLength: configuration.contextLength, leadingToken: first)
            },
            standInImageSettings: Settings(file: "", members: [:]), imageToken: nil, isImageTag: { _ in false })
    }
}
