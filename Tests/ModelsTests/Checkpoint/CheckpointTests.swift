import Foundation
import Testing

@testable import Models

struct CheckpointTests {
    @Test func `a checkpoint in shards is one directory of tensors`() throws {
        let checkpoint = try Checkpoint(CheckpointFixtures.idefics3)
        #expect(checkpoint.files.count == 3)
        #expect(checkpoint.fileOfTensor.count == 74)
        #expect(checkpoint.entry("language_model.model.norm.weight")?.entry.shape == [32])
    }

    @Test(arguments: [
        ("../model.safetensors", "outside"), ("/etc/passwd", "absolute"), ("sub/model.safetensors", "a folder below"),
        (#"..\model.safetensors"#, "backslash"), (".hidden.safetensors", "hidden"), ("", "empty"), ("..", "the parent"),
        ("model.bin", "another format"), ("model.safetensors\u{0}.safetensors", "NUL"),
    ])
    func `an index that points outside its folder is refused`(_ name: String, _ why: String) throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.idefics3)
        try folder.edit("model.safetensors.index.json") { index in
            var map = index["weight_map"] as? [String: String] ?? [:]
            map["language_model.model.norm.weight"] = name
            index["weight_map"] = map
        }
        #expect(throws: ModelError.self, "\(why)") { try Checkpoint(folder.path) }
        try expectError(folder, naming: "model.safetensors.index.json")
    }

    @Test func `an index without a map, with a wrong map or an empty one is refused`() throws {
        for map in [nil, 7, [String: String](), ["a": 7]] as [Any?] {
            let folder = try TemporaryFolder(copyOf: CheckpointFixtures.idefics3)
            try folder.edit("model.safetensors.index.json") { $0["weight_map"] = map }
            try expectError(folder, naming: "model.safetensors.index.json")
        }
    }

    @Test func `a missing shard is named`() throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.idefics3)
        try FileManager.default.removeItem(atPath: folder.path + "/model-00002-of-00003.safetensors")
        try expectError(folder, naming: "model-00002-of-00003.safetensors")
    }

    @Test func `a tensor that the index puts elsewhere, or does not list, is named`() throws {
        for change in ["moved", "unlisted"] {
            let folder = try TemporaryFolder(copyOf: CheckpointFixtures.idefics3)
            try folder.edit("model.safetensors.index.json") { index in
                var map = index["weight_map"] as? [String: String] ?? [:]
                let name = "language_model.model.norm.weight"
                let others = Set(map.values).subtracting([map[name] ?? ""]).sorted()
                map[name] = change == "moved" ? others[0] : nil
                index["weight_map"] = map
            }
            try expectError(folder, naming: "language_model.model.norm.weight")
        }
    }

    @Test func `settings that are absent, no JSON, no object or absurdly large are errors that name the file`() throws {
        let contents: [[UInt8]?] = [
            nil, [], Array("{".utf8), Array("[]".utf8), Array("{\"a\":1,\"a\":2}".utf8),
            [UInt8](repeating: 0x20, count: Settings.longestFile + 1),
        ]
        for content in contents {
            let folder = try TemporaryFolder()
            if let content { try folder.write(content, to: "config.json") }
            try expectError(folder, naming: "config.json")
        }
    }

    private func expectError(_ folder: TemporaryFolder, naming name: String) throws {
        let error = #expect(throws: ModelError.self) { try Checkpoint(folder.path) }
        #expect(error?.description.contains(name) == true, "\(error?.description ?? "")")
    }
}

struct SettingsTests {
    private let settings = Settings(
        file: "config.json",
        members: [
            "whole": .integer(3), "float": .number(4), "half": .number(0.5), "no": .null, "text": .string("a"),
            "on": .boolean(true), "ids": .array([.integer(1), .integer(2)]), "inner": .object(["deep": .integer(1)]),
        ])

    @Test func `values are read leniently where checkpoints differ`() throws {
        #expect(try settings.integer("whole", in: 0...9) == 3)
        #expect(try settings.integer("float", in: 0...9) == 4)
        #expect(try settings.integer("no", in: 0...9, default: 7) == 7)
        #expect(try settings.integer("absent", in: 0...9, default: 7) == 7)
        #expect(try settings.number("whole", in: 0...9) == 3)
        #expect(try settings.tokens("ids") == [1, 2])
        #expect(try settings.tokens("whole") == [3])
        #expect(try settings.tokens("absent") == [])
        #expect(try settings.colours("half") == [0.5, 0.5, 0.5])
        #expect(try settings.section("no") == nil)
    }

    @Test func `errors name the file, the key path, what is expected and what is found`() throws {
        let error = #expect(throws: ModelError.self) { try settings.section("inner")?.integer("deep", in: 2...5) }
        #expect(error?.description == "config.json: inner.deep should be a whole number from 2 to 5, but is 1")
    }

    @Test func `what stands in for an absent number must lie in the range too`() {
        let error = #expect(throws: ModelError.self) { try settings.integer("absent", in: 2...5, default: 0) }
        #expect(error?.description.hasSuffix("from 2 to 5, but is absent, which stands for 0") == true)
    }

    @Test(arguments: ["half", "text", "on", "ids", "inner", "no", "absent"])
    func `what is no whole number is not taken for one`(_ key: String) {
        #expect(throws: ModelError.self) { try settings.integer(key, in: 0...9) }
    }

    @Test func `wrong types are errors`() {
        #expect(throws: ModelError.self) { try settings.boolean("whole", default: true) }
        #expect(throws: ModelError.self) { try settings.string("whole") }
        #expect(throws: ModelError.self) { try settings.strings("ids") }
        #expect(throws: ModelError.self) { try settings.section("whole") }
        #expect(throws: ModelError.self) { try settings.tokens("text") }
        #expect(throws: ModelError.self) { try settings.colours("ids") }
        #expect(throws: ModelError.self) { try settings.number("text", in: 0...1) }
    }
}
