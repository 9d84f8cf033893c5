/// A GGUF file of an architecture that Docent runs, its settings read and checked.
struct GGUFCheckpoint: Sendable {
    let gguf: GGUF
    let blueprint: ModelFamily.Blueprint
    let tensors: GGUFTensors
    private let vocabulary: Int

    private static let architecture = "llama"

    init(_ gguf: GGUF) throws {
        let metadata = gguf.metadata
        let architecture = try Self.architecture(of: gguf)
        guard architecture == Self.architecture else {
            throw ModelError.unknownFamily(
                file: gguf.file.path, found: String(architecture.prefix(100)), known: [Self.architecture])
        }
        guard try metadata.integer("split.count", in: 0...65_535, default: 1) <= 1 else {
            throw metadata.unsupported("split.count", supported: "1, a model in one file")
        }
        let configuration = try DecoderConfiguration(gguf)
        self.gguf = gguf
        vocabulary = configuration.vocabulary
        blueprint = .text(
            configuration, modelType: "llama", writesFirstToken: try Self.writesFirstToken(metadata))
        tensors = try GGUFTensors(gguf, configuration)
    }

    /// Whether prompts begin with the beginning token although the template may not write it.
    private static func writesFirstToken(_ metadata: Settings) throws -> Bool {
        let usual = try GGUFPreTokenizer.writesFirstToken(metadata.string("tokenizer.ggml.pre", default: ""))
        return try metadata.boolean("tokenizer.ggml.add_bos_token", default: usual)
    }

    static func architecture(of gguf: GGUF) throws -> String { try gguf.metadata.string("general.architecture") }

    func tokenizer() throws -> Tokenizer { try GGUFVocabulary(gguf.metadata, vocabulary: vocabulary).tokenizer() }

    func generation() throws -> GenerationDefaults {
        GenerationDefaults(stopTokens: try GGUFVocabulary(gguf.metadata, vocabulary: vocabulary).stopTokens())
    }

    /// The chat template; without one nobody knows how to ask the model anything.
    func template() throws -> ChatTemplate {
        let key = "tokenizer.chat_template"
        guard gguf.metadata.value(key) != nil else {
            throw gguf.metadata.failure(key, expected: "a template by which a chat becomes a prompt")
        }
        return try ChatTemplate(source: try gguf.metadata.string(key))
    }
}
