import Foundation
import Testing

@testable import Models

struct ModelIdentityTests {
    @Test(arguments: [
        ("/models/docent-mini", "docent-mini"), ("/models/docent-mini/", "docent-mini"),
        ("./docent-mini", "docent-mini"),
        ("/c/hub/models--HuggingFaceTB--SmolVLM-256M-Instruct/snapshots/7e3e67", "HuggingFaceTB/SmolVLM-256M-Instruct"),
        ("/c/models--a--b--c/snapshots/1/", "a/b--c"), ("/c/models--gpt2/snapshots/1", "gpt2"),
        ("/c/other/snapshots/1", "1"),
    ])
    func `a model is named by its folder or its place in a hub cache`(_ folder: String, _ name: String) {
        #expect(ModelCard.name(ofFolder: folder) == name)
    }

    @Test func `the weights' hash changes with any byte of a small checkpoint, and with a file's name`() throws {
        let original = ModelCard.weightsHash(try Checkpoint(CheckpointFixtures.smolVLM).files)
        #expect(original == ModelCard.weightsHash(try Checkpoint(CheckpointFixtures.smolVLM).files))
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        #expect(ModelCard.weightsHash(try Checkpoint(folder.path).files) == original)
        let path = folder.path + "/model.safetensors"
        var bytes = try Array(Data(contentsOf: URL(filePath: path)))
        bytes[bytes.count - 1000] ^= 1
        try folder.write(bytes, to: "model.safetensors")
        #expect(ModelCard.weightsHash(try Checkpoint(folder.path).files) != original)
    }

    /// 80 MB of zeros, stored sparsely.
    @Test func `a large file is told apart by its samples, its size and its header`() throws {
        let folder = try TemporaryFolder()
        func hash(elements: Int, name: String, change: Int?) throws -> String {
            let header = #"{"\#(name)":{"dtype":"U8","shape":[\#(elements)],"data_offsets":[0,\#(elements)]}}"#
            let path = try folder.write(SafetensorsBytes.file(header: header, data: 0), to: "model.safetensors")
            let start = header.utf8.count + 8
            truncate(path, off_t(start + elements))
            if let change {
                let file = try FileHandle(forUpdating: URL(filePath: path))
                try file.seek(toOffset: UInt64(start + change))
                try file.write(contentsOf: [1])
                try file.close()
            }
            return ModelCard.weightsHash([try Safetensors(path)])
        }
        let size = 80 << 20
        let hashes = [
            try hash(elements: size, name: "a", change: nil), try hash(elements: size, name: "b", change: nil),
            try hash(elements: size + 1, name: "a", change: nil), try hash(elements: size, name: "a", change: 0),
            try hash(elements: size, name: "a", change: size - 1),
        ]
        #expect(Set(hashes).count == hashes.count)
        #expect(try hash(elements: size, name: "a", change: nil) == hashes[0])
    }
}
