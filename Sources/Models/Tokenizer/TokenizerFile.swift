import FoundationEssentials

/// `tokenizer.json` as it lies on disk, before anything is believed.
struct TokenizerFile: Decodable {
    var addedTokens: [AddedToken]
    var normalizer: Step?
    var preTokenizer: Step?
    var decoder: Step?
    var model: Model

    enum CodingKeys: String, CodingKey {
        case addedTokens = "added_tokens"
        case normalizer, decoder, model
        case preTokenizer = "pre_tokenizer"
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        addedTokens = try fields.decodeIfPresent([AddedToken].self, forKey: .addedTokens) ?? []
        normalizer = try fields.decodeIfPresent(Step.self, forKey: .normalizer)
        preTokenizer = try fields.decodeIfPresent(Step.self, forKey: .preTokenizer)
        self.decoder = try fields.decodeIfPresent(Step.self, forKey: .decoder)
        model = try fields.decode(Model.self, forKey: .model)
    }

    /// A token that is found in text before anything else is done with it.
    struct AddedToken: Decodable, Equatable {
        var id: Int
        var content: String
        /// Only between non-word characters.
        var singleWord: Bool
        /// Swallows whitespace before it.
        var lstrip: Bool
        /// Swallows whitespace after it.
        var rstrip: Bool
        /// Searched for after the normaliser has run.
        var normalized: Bool
        var special: Bool

        enum CodingKeys: String, CodingKey {
            case id, content, lstrip, rstrip, normalized, special
            case singleWord = "single_word"
        }

        /// `added_tokens_decoder` of tokenizer_config.json keeps the id outside, as the entry's key.
        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            id = try fields.decodeIfPresent(Int.self, forKey: .id) ?? -1
            content = try fields.decode(String.self, forKey: .content)
            singleWord = try fields.decodeIfPresent(Bool.self, forKey: .singleWord) ?? false
            lstrip = try fields.decodeIfPresent(Bool.self, forKey: .lstrip) ?? false
            rstrip = try fields.decodeIfPresent(Bool.self, forKey: .rstrip) ?? false
            special = try fields.decodeIfPresent(Bool.self, forKey: .special) ?? false
            normalized = try fields.decodeIfPresent(Bool.self, forKey: .normalized) ?? !special
        }
    }

    /// A normaliser, pre-tokeniser or decoder: the fields of all kinds, most of them absent.
    struct Step: Decodable {
        var type: String
        var pretokenizers: [Step]?
        var normalizers: [Step]?
        var decoders: [Step]?
        var individualDigits: Bool?
        var addPrefixSpace: Bool?
        var useRegex: Bool?
        var pattern: Pattern?
        var behavior: String?
        var invert: Bool?
        /// What a normaliser puts first, or a pre-tokeniser: "always", "first", "never".
        var prepend: String?
        var prependScheme: String?
        /// What Replace puts in, or Strip takes away.
        var content: String?
        var replacement: String?
        var split: Bool?
        /// How many Strip takes at either end.
        var start: Int?
        var stop: Int?

        enum CodingKeys: String, CodingKey {
            case type, pretokenizers, normalizers, decoders, pattern, behavior, invert
            case prepend, content, replacement, split, start, stop
            case prependScheme = "prepend_scheme"
            case individualDigits = "individual_digits"
            case addPrefixSpace = "add_prefix_space"
            case useRegex = "use_regex"
        }
    }

    struct Pattern: Decodable {
        var regex: String?
        var string: String?

        enum CodingKeys: String, CodingKey {
            case regex = "Regex"
            case string = "String"
        }
    }

    struct Model: Decodable {
        /// Absent in files from before 2020, which are all BPE when they have merges.
        var type: String?
        var vocabulary: [(token: String, id: Int)] = []
        var merges: [[String]] = []
        var unknownToken: String?
        var fuseUnknown = false
        var byteFallback = false
        var ignoreMerges = false
        var subwordPrefix: String?
        var wordSuffix: String?

        enum CodingKeys: String, CodingKey {
            case type, merges
            case vocabulary = "vocab"
            case unknownToken = "unk_token"
            case fuseUnknown = "fuse_unk"
            case byteFallback = "byte_fallback"
            case ignoreMerges = "ignore_merges"
            case subwordPrefix = "continuing_subword_prefix"
            case wordSuffix = "end_of_word_suffix"
        }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            type = try fields.decodeIfPresent(String.self, forKey: .type)
            if type == nil, fields.contains(.merges) { type = "BPE" }
            // The vocabularies of other types have other shapes; their type is all that the error needs.
            guard type == "BPE" else { return }
            byteFallback = try fields.decodeIfPresent(Bool.self, forKey: .byteFallback) ?? false
            // Foundation takes keys for one that differ in composition only; byte-level vocabularies have none of those.
            if !byteFallback {
                vocabulary = try fields.decode([String: Int].self, forKey: .vocabulary).map { ($0.key, $0.value) }
            }
            merges = try Self.merges(fields)
            unknownToken = try fields.decodeIfPresent(String.self, forKey: .unknownToken)
            fuseUnknown = try fields.decodeIfPresent(Bool.self, forKey: .fuseUnknown) ?? false
            ignoreMerges = try fields.decodeIfPresent(Bool.self, forKey: .ignoreMerges) ?? false
            subwordPrefix = try fields.decodeIfPresent(String.self, forKey: .subwordPrefix)
            wordSuffix = try fields.decodeIfPresent(String.self, forKey: .wordSuffix)
        }

        /// The vocabulary of a whole `tokenizer.json`, whose tokens may be any text.
        static func vocabulary(of json: [UInt8], file: String) throws(TokenizerError) -> [(token: String, id: Int)] {
            do {
                let members = try json.withUnsafeBytes {
                    try JSONParser.members(under: ["model", "vocab"], of: $0, file: file)
                }
                return try members.map { member in
                    guard case .integer(let id) = member.value else {
                        throw TokenizerError.malformed(
                            file: file, reason: "the id of \(member.key.debugDescription) is no whole number")
                    }
                    return (member.key, id)
                }
            } catch let error as TokenizerError {
                throw error
            } catch {
                throw .malformed(file: file, reason: "\(error)")
            }
        }

        /// Pairs are written `["a", "b"]` since tokenizers 0.20, and `"a b"` before.
        private static func merges(_ fields: KeyedDecodingContainer<CodingKeys>) throws -> [[String]] {
            guard let lines = try? fields.decode([String].self, forKey: .merges) else {
                return try fields.decode([[String]].self, forKey: .merges)
            }
            return pairs(of: lines)
        }

        /// The parts of merges that are written as one text each.
        static func pairs(of lines: [String]) -> [[String]] {
            lines.map { line in
                line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
                    .map { String($0) ?? "" }
            }
        }
    }
}

/// The same without a file of its own.
extension TokenizerFile {
    init(addedTokens: [AddedToken], preTokenizer: Step, decoder: Step, model: Model) {
        self.addedTokens = addedTokens
        self.preTokenizer = preTokenizer
        self.decoder = decoder
        self.model = model
    }
}

extension TokenizerFile.AddedToken {
    /// Found in text as it is, wherever it stands.
    init(id: Int, content: String, special: Bool) {
        self.id = id
        self.content = content
        self.special = special
        (singleWord, lstrip, rstrip, normalized) = (false, false, false, false)
    }
}

extension TokenizerFile.Model {
    /// Byte-level BPE.
    init(vocabulary: [String: Int], merges: [[String]], ignoreMerges: Bool) {
        type = "BPE"
        self.vocabulary = vocabulary.map { ($0.key, $0.value) }
        self.merges = merges
        self.ignoreMerges = ignoreMerges
    }
}

/// What `tokenizer_config.json` adds: tokens that the other file lacks, and which token plays which part.
struct TokenizerConfiguration: Decodable {
    var addedTokens: [TokenizerFile.AddedToken] = []
    /// "bos_token", "eos_token", … and the text of each.
    var namedTokens: [String: String] = [:]

    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private struct Named: Decodable { var content: String }

    init(namedTokens: [String: String]) { self.namedTokens = namedTokens }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        let table = Key(stringValue: "added_tokens_decoder")
        let entries = try fields.decodeIfPresent([String: TokenizerFile.AddedToken].self, forKey: table) ?? [:]
        for (key, token) in entries.sorted(by: { $0.key < $1.key }) {
            guard let id = Int(key) else {
                throw DecodingError.dataCorruptedError(
                    forKey: table, in: fields, debugDescription: "\(key.debugDescription) is no token id")
            }
            var token = token
            token.id = id
            addedTokens.append(token)
        }
        for part in ["bos_token", "eos_token", "pad_token", "unk_token", "cls_token", "sep_token", "mask_token"] {
            let key = Key(stringValue: part)
            guard fields.contains(key), try !fields.decodeNil(forKey: key) else { continue }
            if let text = try? fields.decode(String.self, forKey: key) {
                namedTokens[part] = text
            } else {
                namedTokens[part] = try fields.decode(Named.self, forKey: key).content
            }
        }
    }
}
