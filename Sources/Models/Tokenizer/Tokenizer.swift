import FoundationEssentials

/// BPE as Hugging Face's `tokenizer.json` describes it, byte-level or with byte fallback: text to token ids and back.
///
/// Encoding adds no special tokens: chat templates write their own, so post-processors are not applied.
public struct Tokenizer: Sendable {
    /// What `tokenizer_config.json` calls "bos_token", "eos_token", …: chat templates know them by these names.
    public let namedTokens: [String: String]

    private let vocabulary: Vocabulary
    private let special: Set<Int32>
    let spelling: TokenSpelling
    /// Spaces that the beginning of a decoded text loses: the one that encoding put there.
    public let strippedSpaces: Int
    private let normalizer: TextNormalizer
    private let preTokenizer: PreTokenizer
    private let encoder: BytePairEncoder
    /// Added tokens that are found in the text as it is, and those that are found once it is normalised.
    private let rawTokens: AddedTokenMatcher
    private let normalizedTokens: AddedTokenMatcher

    /// Largest `tokenizer.json` that is read; Gemma's, the largest known, has 33 MB.
    static let sizeLimit = 256 << 20

    /// - Parameters:
    ///   - json: content of `tokenizer.json`.
    ///   - configuration: content of `tokenizer_config.json`.
    ///   - name: the file's name, for errors.
    ///   - isSpecial: added tokens that are special although the files do not say so.
    public init(
        json: [UInt8], configuration: [UInt8]?, name: String, isSpecial: (String) -> Bool = { _ in false }
    ) throws(TokenizerError) {
        var file = try Self.decode(TokenizerFile.self, from: json, name: name)
        if file.model.byteFallback { file.model.vocabulary = try TokenizerFile.Model.vocabulary(of: json, file: name) }
        var found: TokenizerConfiguration?
        if let configuration {
            found = try Self.decode(TokenizerConfiguration.self, from: configuration, name: "tokenizer_config.json")
        }
        try self.init(file, configuration: found, name: name, isSpecial: isSpecial)
    }

    /// Checks what the files hold; `name` is the first's, for errors.
    init(
        _ file: TokenizerFile, configuration: TokenizerConfiguration?, name: String,
        isSpecial: (String) -> Bool = { _ in false }
    ) throws(TokenizerError) {
        var file = file
        let type = file.model.type ?? "none"
        guard type == "BPE" else { throw .unsupportedModel(file: name, type: type) }
        if !(file.model.subwordPrefix ?? "").isEmpty || !(file.model.wordSuffix ?? "").isEmpty {
            throw .unsupportedModel(file: name, type: "BPE with subword prefixes or word suffixes")
        }
        var namedTokens: [String: String] = [:]
        if let configuration {
            let known = Set(file.addedTokens.map(\.id))
            file.addedTokens += configuration.addedTokens.filter { !known.contains($0.id) }
            namedTokens = configuration.namedTokens
        }
        self.namedTokens = namedTokens
        // Conversions lose the flag; a token that ends an answer or stands for an image is special all the same.
        let named = Set(namedTokens.values)
        for index in file.addedTokens.indices {
            let content = file.addedTokens[index].content
            if named.contains(content) || isSpecial(content) { file.addedTokens[index].special = true }
        }
        spelling = file.model.byteFallback ? .sentencePiece : .byteLevel
        normalizer = try TextNormalizer(file.normalizer, file: name)
        strippedSpaces = try Self.strippedSpaces(file.decoder, spelling, file: name)
        file.addedTokens = file.addedTokens.map(normalizer.normalizing)
        vocabulary = try Vocabulary(file.model, added: file.addedTokens, spelling: spelling, file: name)
        special = Set(file.addedTokens.filter(\.special).map { Int32($0.id) })
        switch spelling {
        case .byteLevel: preTokenizer = try PreTokenizer(file.preTokenizer, file: name)
        case .sentencePiece:
            preTokenizer = try PreTokenizer(
                sentencePiece: file.preTokenizer, marksSpaces: normalizer.marksSpaces, file: name)
        }
        encoder = try BytePairEncoder(
            file.model, vocabulary: vocabulary, spelling: spelling, special: special, file: name)
        rawTokens = AddedTokenMatcher(file.addedTokens.filter { !$0.normalized })
        normalizedTokens = AddedTokenMatcher(file.addedTokens.filter(\.normalized))
    }

    /// Reads `tokenizer.json` and, if there, `tokenizer_config.json` of a checkpoint's folder; `isSpecial` as in `init`.
    public static func load(
        from folder: String, isSpecial: (String) -> Bool = { _ in false }
    ) throws(TokenizerError) -> Tokenizer {
        let name = folder + "/tokenizer.json"
        let json = try contents(of: name)
        let configuration = folder + "/tokenizer_config.json"
        let hasConfiguration = FileManager.default.fileExists(atPath: configuration)
        return try Tokenizer(
            json: json, configuration: hasConfiguration ? contents(of: configuration) : nil, name: name,
            isSpecial: isSpecial)
    }

    private static func contents(of path: String) throws(TokenizerError) -> [UInt8] {
        do {
            let data = try Data(contentsOf: URL(filePath: path))
            guard data.count <= sizeLimit else {
                throw TokenizerError.unreadable(
                    file: path, reason: "it has \(data.count) bytes, more than \(sizeLimit)")
            }
            return Array(data)
        } catch let error as TokenizerError {
            throw error
        } catch {
            throw .unreadable(
                file: path, reason: FileManager.default.fileExists(atPath: path) ? "\(error)" : "it is missing")
        }
    }

    /// Highest id + 1.
    public var vocabularySize: Int { vocabulary.bytes.count }

    /// Tokens of plain text. Special tokens are never found in it, whatever it holds; added tokens that are not
    /// special (Qwen's `<tool_call>`) are, as in Hugging Face.
    public func encode(_ text: String) -> [Int32] { encode(SourceText(text, isTrusted: false)) }

    /// Tokens of a prompt: special tokens are found in trusted text only, and what lies between added tokens is
    /// tokenised as one run, across the borders of pieces.
    public func encode(_ text: PromptText) -> [Int32] { encode(SourceText(text)) }

    private func encode(_ source: SourceText) -> [Int32] {
        var tokens: [Int32] = []
        for segment in rawTokens.segments(of: source) {
            switch segment {
            case .token(let id): tokens.append(id)
            case .text(let range):
                encodeNormalized(source[range], isStart: range.lowerBound == 0, into: &tokens)
            }
        }
        return tokens
    }

    private func encodeNormalized(_ source: SourceText, isStart: Bool, into tokens: inout [Int32]) {
        let source = normalizer.normalize(source)
        for segment in normalizedTokens.segments(of: source) {
            switch segment {
            case .token(let id): tokens.append(id)
            case .text(let range):
                let isStart = isStart && range.lowerBound == 0
                preTokenizer.forEachWord(in: Array(source.utf8[range]), isStart: isStart) {
                    encoder.encode($0, into: &tokens)
                }
            }
        }
    }

    /// The text of `tokens`, U+FFFD where their bytes are no UTF-8. Unknown ids are left out.
    public func decode(_ tokens: [Int32], skipSpecialTokens: Bool) -> String {
        guard spelling == .byteLevel else {
            var stream = streamingDecoder(skipSpecialTokens: skipSpecialTokens)
            return tokens.map { stream.push($0) }.joined() + stream.finish()
        }
        var bytes: [UInt8] = []
        for token in tokens where !(skipSpecialTokens && isSpecial(token)) { bytes += self.bytes(of: token) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The id of a token as the vocabulary writes it ("Ġthe", "<image>").
    public func id(of token: String) -> Int32? { vocabulary.id(of: token) }

    /// One token by itself, as logprobs show it: U+FFFD for parts of characters.
    public func text(of token: Int32) -> String { String(decoding: bytes(of: token), as: UTF8.self) }

    /// What a token stands for; empty for an unknown id.
    public func bytes(of token: Int32) -> [UInt8] {
        vocabulary.bytes.indices.contains(Int(token)) ? vocabulary.bytes[Int(token)] : []
    }

    /// Whether a token is one byte of a character that has no token of its own.
    func isFallbackByte(_ token: Int32) -> Bool { vocabulary.fallbackBytes.contains(token) }

    public func isSpecial(_ token: Int32) -> Bool { special.contains(token) }

    public func streamingDecoder(skipSpecialTokens: Bool) -> StreamingDecoder {
        StreamingDecoder(tokenizer: self, skipSpecialTokens: skipSpecialTokens)
    }
}

/// Reading and checking of the files.
extension Tokenizer {
    private static func decode<File: Decodable>(
        _ type: File.Type, from json: [UInt8], name: String
    ) throws(TokenizerError) -> File {
        do {
            return try JSONDecoder().decode(type, from: Data(json))
        } catch let DecodingError.typeMismatch(_, context), let DecodingError.valueNotFound(_, context),
            let DecodingError.keyNotFound(_, context), let DecodingError.dataCorrupted(context)
        {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw .malformed(
                file: name, reason: path.isEmpty ? context.debugDescription : "\(path): \(context.debugDescription)")
        } catch {
            throw .malformed(file: name, reason: "\(error)")
        }
    }

    /// Checks that tokens are joined as their spelling wants it, and gives the number of leading spaces that are then left out.
    private static func strippedSpaces(
        _ step: TokenizerFile.Step?, _ spelling: TokenSpelling, file: String
    ) throws(TokenizerError) -> Int {
        let steps = step?.type == "Sequence" ? step?.decoders ?? [] : [step].compactMap { $0 }
        let types = steps.map(\.type)
        switch spelling {
        case .byteLevel:
            if types == ["ByteLevel"] { return 0 }
        case .sentencePiece:
            let unmarks = steps.first.map { $0.pattern?.string == "▁" && $0.content == " " } ?? false
            if unmarks, types == ["Replace", "ByteFallback", "Fuse"] { return 0 }
            if unmarks, types == ["Replace", "ByteFallback", "Fuse", "Strip"], let strip = steps.last,
                strip.content == " ", strip.stop ?? 0 == 0, let spaces = strip.start, (0...16).contains(spaces)
            {
                return spaces
            }
        }
        let found = types.isEmpty ? "null" : types.joined(separator: ", ")
        throw .unsupportedStep(
            file: file, step: "decoder \(found)",
            reason: spelling == .byteLevel
                ? "expected ByteLevel alone"
                : "expected Replace of \"▁\" by \" \", ByteFallback, Fuse, and at most a Strip of leading spaces")
    }
}
