import Foundation
import Models
import Testing

@Suite struct TokenizerErrorTests {
    private func error(_ json: [UInt8]) -> TokenizerError? {
        do throws(TokenizerError) {
            _ = try Tokenizer(json: json, configuration: nil, name: "t.json")
            return nil
        } catch {
            return error
        }
    }

    private func error(model edit: @escaping (inout [String: Any]) -> Void) throws -> TokenizerError? {
        error(
            try TokenizerFixtures.small { file in
                var model = file["model"] as? [String: Any] ?? [:]
                edit(&model)
                file["model"] = model
            })
    }

    @Test(arguments: [
        "", "{", "[]", "{}", #"{"model": 3}"#, #"{"model": {"type": "BPE", "vocab": [], "merges": []}}"#,
        #"{"model": {"type": "BPE", "vocab": {"a": "0"}, "merges": []}}"#,
        #"{"model": {"type": "BPE", "vocab": {"a": 1e99}, "merges": []}}"#,
        #"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a"], 3]}}"#,
        #"{"added_tokens": {"a": 1}, "model": {"type": "BPE", "vocab": {}, "merges": []}}"#,
        String(repeating: "[", count: 100_000),
    ])
    func `what is no tokenizer is a malformed file`(json: String) throws {
        guard case .malformed(let file, let reason) = error(Array(json.utf8)) else {
            Issue.record("expected a malformed file")
            return
        }
        #expect(file == "t.json" && !reason.isEmpty)
    }

    @Test(arguments: ["Unigram", "WordPiece", "WordLevel"])
    func `another kind of model is named`(type: String) {
        let json = #"{"model": {"type": "\#(type)", "vocab": [["a", 0.5]]}}"#
        #expect(error(Array(json.utf8)) == .unsupportedModel(file: "t.json", type: type))
    }

    @Test func `byte fallback in a byte-level vocabulary is refused`() throws {
        guard case .unsupportedStep = try error(model: { $0["byte_fallback"] = true }) else {
            Issue.record("expected a step that does not fit")
            return
        }
    }

    @Test(arguments: [-1, 1 << 22, 4_000_000_000])
    func `an id out of range is refused before memory is taken for it`(id: Int) throws {
        let found = try error { model in
            var vocabulary = model["vocab"] as? [String: Int] ?? [:]
            vocabulary["far"] = id
            model["vocab"] = vocabulary
        }
        #expect(found == .idOutOfRange(file: "t.json", token: "far", id: id, limit: 1 << 22))
    }

    @Test func `an id with two tokens is refused`() throws {
        let found = try error { model in
            var vocabulary = model["vocab"] as? [String: Int] ?? [:]
            vocabulary["other"] = vocabulary["a"]
            model["vocab"] = vocabulary
        }
        guard case .duplicateID(_, _, "a", "other") = found else {
            Issue.record("found \(String(describing: found))")
            return
        }
    }

    @Test func `a merge of unknown tokens is refused`() throws {
        let found = try error { $0["merges"] = ["a b", "ab nothing"] }
        guard case .unknownMergePart(_, _, let text) = found else {
            Issue.record("found \(String(describing: found))")
            return
        }
        #expect(["ab", "nothing", "abnothing"].contains(text))
        #expect(
            try error { $0["merges"] = ["a b c"] } == .malformed(file: "t.json", reason: "merge 0 has 3 parts, not 2"))
    }

    @Test(arguments: [
        ("pre_tokenizer", #"{"type": "Split", "pattern": {"Regex": "x+"}, "behavior": "Isolated", "invert": false}"#),
        ("pre_tokenizer", #"{"type": "Metaspace"}"#), ("pre_tokenizer", "null"),
        ("pre_tokenizer", #"{"type": "ByteLevel", "add_prefix_space": true}"#),
        ("normalizer", #"{"type": "Lowercase"}"#), ("decoder", "null"), ("decoder", #"{"type": "WordPiece"}"#),
    ])
    func `a step that is not supported is named`(field: String, step: String) throws {
        let found = error(
            try TokenizerFixtures.small { file in
                file[field] = try? JSONSerialization.jsonObject(with: Data(step.utf8), options: .fragmentsAllowed)
            })
        guard case .unsupportedStep(_, let named, _) = found else {
            Issue.record("found \(String(describing: found))")
            return
        }
        #expect(named.hasPrefix(field))
    }

    @Test func `an unknown pattern inside a sequence is quoted`() throws {
        let found = error(
            try TokenizerFixtures.small { file in
                file["pre_tokenizer"] = [
                    "type": "Sequence",
                    "pretokenizers": [
                        ["type": "Split", "pattern": ["Regex": #"\w+"#], "behavior": "Isolated", "invert": false],
                        ["type": "ByteLevel", "add_prefix_space": false, "use_regex": false],
                    ],
                ]
            })
        #expect(found?.description.contains(#"\w+"#) == true)
    }

    @Test func `a special token that is a byte is refused`() throws {
        let found = error(
            try TokenizerFixtures.small { file in
                let id = ((file["model"] as? [String: Any])?["vocab"] as? [String: Int])?["a"] ?? -1
                file["added_tokens"] = [["id": id, "content": "a", "special": true]]
            })
        #expect(found == .specialByte(file: "t.json", token: "a"))
    }

    @Test func `a missing file is named`() {
        #expect(throws: TokenizerError.unreadable(file: "/nowhere/tokenizer.json", reason: "it is missing")) {
            try Tokenizer.load(from: "/nowhere")
        }
    }
}
