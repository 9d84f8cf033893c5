/// The tokenizer in a GGUF file's metadata: the tokens with their kinds, the merges, and which token plays which part.
///
/// Keys and meanings: github.com/ggml-org/ggml, docs/gguf.md; what llama.cpp makes of them where that is silent.
struct GGUFVocabulary {
    private enum Kind {
        static let unknown = 2
        static let control = 3
        static let userDefined = 4
        static let all = 1...6
    }

    /// Texts that end a turn in the formats of chats; files name only one or two of those they have.
    private static let turnEnds: Set = [
        "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>", "<|end|>", "<end_of_turn>",
        "<end_of_utterance>", "</s>",
    ]

    private static let parts = [
        "bos_token": "bos_token_id", "eos_token": "eos_token_id", "pad_token": "padding_token_id",
        "unk_token": "unknown_token_id", "sep_token": "seperator_token_id", "mask_token": "mask_token_id",
    ]

    private let metadata: Settings
    private let tokens: [String]
    private let kinds: [Int]
    private let preTokenizer: GGUFPreTokenizer

    /// - Parameter vocabulary: rows of the model's table, which ids must stay below.
    init(_ metadata: Settings, vocabulary: Int) throws {
        let model = try metadata.string("tokenizer.ggml.model")
        guard model == "gpt2" else {
            throw TokenizerError.unsupportedModel(file: metadata.file, type: model)
        }
        self.metadata = metadata
        tokens = try metadata.strings("tokenizer.ggml.tokens")
        guard !tokens.isEmpty, tokens.count <= vocabulary else {
            throw metadata.failure("tokenizer.ggml.tokens", expected: "1 to \(vocabulary) tokens, as the model has")
        }
        kinds = try metadata.integers("tokenizer.ggml.token_type", in: Kind.all) ?? []
        guard kinds.isEmpty || kinds.count == tokens.count else {
            throw metadata.failure("tokenizer.ggml.token_type", expected: "an array of \(tokens.count), one a token")
        }
        preTokenizer = try GGUFPreTokenizer(named: metadata.string("tokenizer.ggml.pre"), file: metadata.file)
    }

    func tokenizer() throws -> Tokenizer {
        // Some files list the tokens between which turns stand as words like any other.
        var marks = try stopTokens()
        if let first = try id("bos_token_id") { marks.insert(first) }
        var vocabulary: [String: Int] = [:]
        var added: [TokenizerFile.AddedToken] = []
        for (id, token) in tokens.enumerated() {
            if vocabulary.updateValue(id, forKey: token) != nil {
                throw TokenizerError.malformed(
                    file: metadata.file, reason: "the token \(token.debugDescription) has two ids")
            }
            if kind(of: id) == Kind.control || kind(of: id) == Kind.unknown || marks.contains(Int32(id)) {
                added.append(.init(id: id, content: token, special: true))
            } else if kind(of: id) == Kind.userDefined {
                added.append(.init(id: id, content: token, special: false))
            }
        }
        let merges = TokenizerFile.Model.pairs(of: try metadata.strings("tokenizer.ggml.merges"))
        let file = TokenizerFile(
            addedTokens: added, preTokenizer: preTokenizer.step, decoder: .init(type: "ByteLevel"),
            model: .init(vocabulary: vocabulary, merges: merges, ignoreMerges: preTokenizer.looksUpWords))
        var named: [String: String] = [:]
        for (part, key) in Self.parts { named[part] = try id(key).map { tokens[Int($0)] } }
        return try Tokenizer(file, configuration: .init(namedTokens: named), name: metadata.file)
    }

    /// Tokens that end an answer: those that the file names, and those that end a turn in any format of chats.
    func stopTokens() throws -> Set<Int32> {
        let named = try ["eos_token_id", "eot_token_id", "eom_token_id"].compactMap(id)
        let known = tokens.indices.filter { Self.turnEnds.contains(tokens[$0]) }
        return Set(named).union(known.map(Int32.init))
    }

    private func kind(of id: Int) -> Int { kinds.isEmpty ? 1 : kinds[id] }

    /// The id under `key`; nil when the file names none.
    private func id(_ key: String) throws -> Int32? {
        let key = "tokenizer.ggml." + key
        guard metadata.value(key) != nil else { return nil }
        return Int32(try metadata.integer(key, in: 0...tokens.count - 1))
    }
}
