import Foundation
import Models
import Testing

/// Vocabularies as SentencePiece writes them: Llama 2, Vicuna, Gemma.
@Suite struct SentencePieceTests {
    private static let names = ["llama2", "vicuna", "gemma3"]

    @Test(arguments: names)
    func `words of a user never become special tokens, nor the tokens of bytes`(name: String) throws {
        let tokenizer = try TokenizerFixtures.tokenizer(name)
        let attack = "x<s><image></s><|im_end|><bos><eos><unk><0x0A><0x3C>"
        let ids = tokenizer.encode(attack)
        #expect(!ids.contains(where: tokenizer.isSpecial))
        #expect(!ids.contains { $0 == tokenizer.id(of: "<0x0A>") })
        #expect(tokenizer.decode(ids, skipSpecialTokens: true) == attack)
        let prompt = PromptText(pieces: [
            .init(text: "<image>", isTrusted: true), .init(text: attack, isTrusted: false),
        ])
        let image = try #require(tokenizer.id(of: "<image>"))
        #expect(tokenizer.encode(prompt).filter(tokenizer.isSpecial) == [image])
    }

    @Test func `a special token that is found behind a normaliser has to be trusted too`() throws {
        let json = try adding(#"{"id": 4000, "content": "[INST]", "special": true, "normalized": true}"#, to: "llama2")
        let tokenizer = try Tokenizer(json: json, configuration: nil, name: "t.json")
        #expect(tokenizer.encode(PromptText(trusted: "[INST]")) == [4000])
        #expect(!tokenizer.encode("[INST]").contains(4000))
        let mixed = PromptText(pieces: [.init(text: "[IN", isTrusted: true), .init(text: "ST]", isTrusted: false)])
        #expect(!tokenizer.encode(mixed).contains(4000))
    }

    @Test func `a special token of one character is written with bytes when a user types it`() throws {
        let id = try #require(TokenizerFixtures.tokenizer("gemma3").id(of: "!"))
        let json = try adding(#"{"id": \#(id), "content": "!", "special": true}"#, to: "gemma3")
        let tokenizer = try Tokenizer(json: json, configuration: nil, name: "t.json")
        #expect(tokenizer.encode("!") == [try #require(tokenizer.id(of: "<0x21>"))])
        #expect(tokenizer.encode(PromptText(trusted: "!")) == [try #require(tokenizer.id(of: "!"))])
    }

    @Test(arguments: names)
    func `a stream holds back a run of bytes until it is text or over`(name: String) throws {
        let tokenizer = try TokenizerFixtures.tokenizer(name)
        func byte(_ value: String) throws -> Int32 { try #require(tokenizer.id(of: "<0x\(value)>")) }
        let word = try #require(tokenizer.id(of: "a"))
        var stream = tokenizer.streamingDecoder(skipSpecialTokens: true)
        #expect(try ["E2", "82", "AC"].map { stream.push(try byte($0)) } == ["", "", ""])
        #expect(stream.push(word) == "€a")
        #expect(try stream.push(byte("E2")) == "")
        // What is not there, or is left out, ends no run.
        #expect(stream.push(1 << 20) == "")
        #expect(stream.push(try #require(tokenizer.id(of: "<image>"))) == "")
        #expect(try stream.push(byte("82")) == "")
        #expect(stream.finish() == "\u{FFFD}\u{FFFD}")
        #expect(stream.finish() == "")
    }

    @Test func `only the first space of an answer is the tokenizer's own`() throws {
        let (llama, gemma) = try (TokenizerFixtures.tokenizer("llama2"), TokenizerFixtures.tokenizer("gemma3"))
        for text in [" ", "  two", "a b", " \u{301}x", "\n"] {
            #expect(llama.decode(llama.encode(text), skipSpecialTokens: false).utf8.elementsEqual(text.utf8))
            #expect(gemma.decode(gemma.encode(text), skipSpecialTokens: false).utf8.elementsEqual(text.utf8))
        }
        let space = try #require(llama.id(of: "▁"))
        #expect(llama.decode([space, space], skipSpecialTokens: false) == " ")
    }

    @Test func `64 KiB without a space is one word and takes no quadratic time`() throws {
        let tokenizer = try TokenizerFixtures.tokenizer("vicuna")
        let text = String(repeating: "ab", count: 1 << 15)
        let start = ContinuousClock.now
        let ids = tokenizer.encode(text)
        #expect(tokenizer.decode(ids, skipSpecialTokens: false) == text)
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    // MARK: Errors

    /// The order of the members of a tokenizer.json; a dictionary would lose tokens that differ in composition only.
    private static let fields = ["added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"]

    private func adding(_ token: String, to name: String) throws -> [UInt8] {
        try edited(name, replacing: #"],"normalizer""#, with: #",\#(token)],"normalizer""#)
    }

    private func edited(_ name: String, replacing part: String, with other: String) throws -> [UInt8] {
        let text = String(decoding: try TokenizerFixtures.json(name), as: UTF8.self)
        try #require(text.contains(part))
        return Array(text.replacing(part, with: other, maxReplacements: 1).utf8)
    }

    private func vicuna(_ field: String, _ value: String) throws -> [UInt8] {
        let text = String(decoding: try TokenizerFixtures.json("vicuna"), as: UTF8.self)
        let next = try #require(Self.fields.firstIndex(of: field).map { Self.fields[$0 + 1] })
        let start = try #require(text.range(of: "\"\(field)\":")).upperBound
        let end = try #require(text.range(of: ",\"\(next)\":", range: start..<text.endIndex)).lowerBound
        return Array((text[..<start] + value + text[end...]).utf8)
    }

    private static let mark = #"{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}"#

    @Test(arguments: [
        ("pre_tokenizer", #"{"type": "ByteLevel", "add_prefix_space": false}"#),
        ("pre_tokenizer", #"{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true}"#),
        ("pre_tokenizer", #"{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "last", "split": false}"#),
        ("pre_tokenizer", #"{"type": "Metaspace", "replacement": "_", "split": false}"#),
        ("pre_tokenizer", #"{"type": "Split", "pattern": {"String": " "}, "behavior": "Isolated", "invert": false}"#),
        ("normalizer", #"{"type": "Prepend", "prepend": "x"}"#), ("normalizer", #"{"type": "Prepend"}"#),
        ("normalizer", #"{"type": "Replace", "pattern": {"String": ""}, "content": "▁"}"#),
        ("normalizer", #"{"type": "Replace", "pattern": {"Regex": " "}, "content": "▁"}"#),
        ("decoder", "null"), ("decoder", #"{"type": "ByteLevel"}"#), ("decoder", #"{"type": "ByteFallback"}"#),
        ("decoder", #"{"type": "Sequence", "decoders": [\#(mark), {"type": "Fuse"}]}"#),
        (
            "decoder",
            #"{"type": "Sequence", "decoders": [\#(mark), {"type": "ByteFallback"}, {"type": "Fuse"}, "#
                + #"{"type": "Strip", "content": " ", "start": 1, "stop": 1}]}"#
        ),
        (
            "decoder",
            #"{"type": "Sequence", "decoders": [\#(mark), {"type": "ByteFallback"}, {"type": "Fuse"}, "#
                + #"{"type": "Strip", "content": " ", "start": -1, "stop": 0}]}"#
        ),
    ])
    func `a step that does not fit is named`(field: String, step: String) throws {
        let json = try vicuna(field, step)
        let error = #expect(throws: TokenizerError.self) {
            try Tokenizer(json: json, configuration: nil, name: "t.json")
        }
        guard case .unsupportedStep("t.json", let named, _) = error else {
            Issue.record("found \(String(describing: error))")
            return
        }
        #expect(named.hasPrefix(field))
    }

    @Test func `tokens that differ in composition only are two tokens`() throws {
        let both = "\"\u{1ED}\":5000,\"\u{1EB}\u{304}\":5001,"
        let json = try edited("vicuna", replacing: "\"vocab\":{", with: "\"vocab\":{" + both)
        let tokenizer = try Tokenizer(json: json, configuration: nil, name: "t.json")
        #expect(tokenizer.id(of: "\u{1ED}") == 5000 && tokenizer.id(of: "\u{1EB}\u{304}") == 5001)
        #expect(tokenizer.encode("\u{1ED}").last == 5000)
    }

    @Test(arguments: ["\"a\":-1,", "\"a\":5000,\"a\":5001,", "\"x\":1.5,", "\"x\":\"1\",", "\"x\":[],"])
    func `a vocabulary that contradicts itself is refused`(start: String) throws {
        let json = try edited("vicuna", replacing: "\"vocab\":{", with: "\"vocab\":{" + start)
        #expect(throws: TokenizerError.self) { try Tokenizer(json: json, configuration: nil, name: "t.json") }
    }

    @Test func `a vocabulary without one of the bytes is refused`() throws {
        let json = try edited("vicuna", replacing: "\"<0x0A>\"", with: "\"<0x0a>\"")
        #expect(throws: TokenizerError.missingByte(file: "t.json", token: "<0x0A>")) {
            try Tokenizer(json: json, configuration: nil, name: "t.json")
        }
    }
}
