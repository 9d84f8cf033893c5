import Foundation
import Testing

@testable import Models

/// The tokenizers of the differential tests as the metadata of a GGUF file.
struct GGUFVocabularyTests {
    private struct File: Decodable {
        struct Token: Decodable {
            var id: Int
            var content: String
            var special: Bool
        }
        struct Model: Decodable {
            var vocab: [String: Int]
            var merges: [String]

            private enum CodingKeys: CodingKey { case vocab, merges }

            init(from decoder: any Decoder) throws {
                let fields = try decoder.container(keyedBy: CodingKeys.self)
                vocab = try fields.decode([String: Int].self, forKey: .vocab)
                let pairs = try? fields.decode([[String]].self, forKey: .merges)
                merges = try pairs?.map { $0.joined(separator: " ") } ?? fields.decode([String].self, forKey: .merges)
            }
        }
        var added_tokens: [Token]
        var model: Model
    }

    private func file(_ name: String) throws -> File {
        try JSONDecoder().decode(File.self, from: Data(TokenizerFixtures.json(name)))
    }

    private func metadata(_ name: String, pre: String) throws -> Settings {
        let file = try file(name)
        let ids = file.model.vocab.values + file.added_tokens.map(\.id)
        var tokens = [String](repeating: "", count: 1 + ids.reduce(0, max))
        var kinds = [JSONValue](repeating: .integer(1), count: tokens.count)
        for (token, id) in file.model.vocab { tokens[id] = token }
        for token in file.added_tokens {
            tokens[token.id] = token.content
            kinds[token.id] = .integer(token.special ? 3 : 4)
        }
        return Settings(
            file: name,
            members: [
                "tokenizer.ggml.model": .string("gpt2"), "tokenizer.ggml.pre": .string(pre),
                "tokenizer.ggml.tokens": .array(tokens.map(JSONValue.string)),
                "tokenizer.ggml.token_type": .array(kinds),
                "tokenizer.ggml.merges": .array(file.model.merges.map(JSONValue.string)),
            ])
    }

    /// Scalar by scalar or as people read it.
    private static func mentions(_ text: String, _ mark: String) -> Bool {
        text.contains(mark) || text.range(of: mark, options: .literal) != nil
    }

    @Test(arguments: [("llama3", "llama-bpe"), ("qwen2", "qwen2"), ("smollm2", "smollm"), ("gpt2", "gpt-2")])
    func `it tokenises as the tokenizer.json that it was made of`(_ name: String, _ pre: String) throws {
        let expected = try TokenizerFixtures.tokenizer(name)
        let found = try GGUFVocabulary(metadata(name, pre: pre), vocabulary: 4000).tokenizer()
        #expect(found.vocabularySize == expected.vocabularySize)
        let marks = try file(name).added_tokens.map(\.content)
        var generator = try StringGenerator(seed: 7)
        for _ in 0..<1500 {
            let string = generator.string()
            // GGUF knows no normaliser, so Qwen2's is lost, in llama.cpp too.
            let composed = NFCNormalizer.normalize(SourceText(string, isTrusted: true)).utf8
            let text = name == "qwen2" ? String(decoding: composed, as: UTF8.self) : string
            // These two have tokens that swallow spaces or are sought in composed text, which GGUF cannot say.
            if ["gpt2", "qwen2"].contains(name), marks.contains(where: { Self.mentions(text, $0) }) { continue }
            #expect(found.encode(PromptText(trusted: text)) == expected.encode(PromptText(trusted: text)), "\(text)")
            let ids = found.encode(text)
            #expect(ids == expected.encode(text), "\(text.debugDescription)")
            #expect(found.decode(ids, skipSpecialTokens: false) == expected.decode(ids, skipSpecialTokens: false))
        }
    }

    @Test func `tokens that end a turn stop an answer although the file names another`() throws {
        var members: [String: JSONValue] = [:]
        let tokens = GGUFLlama.tokens + ["<|endoftext|>"]
        members["tokenizer.ggml.model"] = .string("gpt2")
        members["tokenizer.ggml.pre"] = .string("gpt-2")
        members["tokenizer.ggml.tokens"] = .array(tokens.map(JSONValue.string))
        members["tokenizer.ggml.merges"] = .array([])
        members["tokenizer.ggml.eos_token_id"] = .integer(tokens.count - 1)
        // Without kinds: such files list their marks as words.
        let vocabulary = try GGUFVocabulary(Settings(file: "x", members: members), vocabulary: tokens.count)
        #expect(try vocabulary.stopTokens() == [Int32(tokens.count - 1), Int32(tokens.count - 2)])
        let tokenizer = try vocabulary.tokenizer()
        #expect(tokenizer.isSpecial(Int32(tokens.count - 1)) && tokenizer.isSpecial(Int32(tokens.count - 2)))
        #expect(tokenizer.encode(PromptText(trusted: "<|im_end|>")).count == 1)
        #expect(tokenizer.encode("<|im_end|>").count == 10)
    }

    @Test func `a token with two ids is refused`() throws {
        var settings = try metadata("gpt2", pre: "gpt-2")
        guard case .array(var tokens) = settings.value("tokenizer.ggml.tokens") else { return }
        tokens[5] = tokens[4]
        settings = Settings(
            file: "x",
            members: [
                "tokenizer.ggml.model": .string("gpt2"), "tokenizer.ggml.pre": .string("gpt-2"),
                "tokenizer.ggml.tokens": .array(tokens),
            ])
        let vocabulary = try GGUFVocabulary(settings, vocabulary: 4000)
        #expect(throws: TokenizerError.self) { try vocabulary.tokenizer() }
    }
}
