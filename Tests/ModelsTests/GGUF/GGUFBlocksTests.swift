import Compute
import Foundation
import Testing

@testable import Models

/// The file and its values are made by the gguf package: Tests/Reference/gguf_blocks.py.
struct GGUFBlocksTests {
    private static let path = CheckpointFixtures.path("gguf-blocks/blocks.gguf")

    private struct Golden: Decodable {
        var shape: [Int]
        var values: [Float]
    }

    private func tensors(_ path: String = path) throws -> GGUFTensors {
        let gguf = try GGUF(path)
        return try GGUFTensors(gguf, DecoderConfiguration(gguf))
    }

    @Test(arguments: ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q8_0"])
    func `each type holds the values that the reference reads`(_ type: String) throws {
        let goldens = try CheckpointFixtures.decode([String: Golden].self, from: "gguf-blocks/golden.json")
        let golden = try #require(goldens[type])
        let source = try tensors()
        #expect(source.gguf.entries["values.\(type)"]?.type.name == type)
        let tensor = try source.tensor("values.\(type)", shape: golden.shape)
        // Blocks are rounded to f16 once; all other types are exact.
        let expected = type.hasPrefix("Q") ? golden.values.map { Float(Float16($0)) } : golden.values
        #expect(try CPUBackend(threads: 1).download(tensor.widened()) == expected)
    }

    @Test(arguments: ["F32", "F16", "BF16"])
    func `what is no block stays in the mapping`(_ type: String) throws {
        let source = try tensors()
        let shape = try #require(source.shape(of: "values.\(type)"))
        #expect(try source.tensor("values.\(type)", shape: shape).storage === source.gguf.file.storage)
    }

    @Test func `the metadata of the reference's writer are read`() throws {
        let gguf = try GGUF(Self.path)
        #expect(gguf.metadata.value("general.architecture") == .string("llama"))
        #expect(gguf.metadata.value("llama.block_count") == .integer(1))
        #expect(gguf.metadata.value("test.flag") == .boolean(true))
        #expect(gguf.metadata.value("test.names") == .array([.string("a"), .string("é")]))
    }

    @Test func `a value too large for f16 makes its tensor f32, and a scale that is none an error`() {
        // Scales of 60000, 1 and infinity, each followed by codes of 7.
        let large: [UInt8] = [0x53, 0x7B] + [UInt8](repeating: 7, count: 32)
        let infinite: [UInt8] = [0x00, 0x7C] + [UInt8](repeating: 7, count: 32)
        var halves = [Float16](repeating: 0, count: 32)
        var singles = [Float](repeating: 0, count: 32)
        large.withUnsafeBytes { bytes in
            #expect(halves.withUnsafeMutableBufferPointer { GGUFBlocks.q8_0.widen(bytes, into: $0) } == .tooLarge)
            #expect(singles.withUnsafeMutableBufferPointer { GGUFBlocks.q8_0.widen(bytes, into: $0) } == .done)
        }
        #expect(singles[0] == 7 * 60_000)
        infinite.withUnsafeBytes { bytes in
            #expect(singles.withUnsafeMutableBufferPointer { GGUFBlocks.q8_0.widen(bytes, into: $0) } == .notFinite)
        }
    }

    @Test func `any other type is an error that names tensor and type`() throws {
        let folder = try TemporaryFolder()
        var file = GGUFLlama.file()
        let index = try #require(file.tensors.firstIndex { $0.name == "blk.1.ffn_up.weight" })
        // Q5_0: 22 bytes a block.
        file.tensors[index].type = 6
        file.tensors[index].bytes = [UInt8](repeating: 0, count: file.tensors[index].bytes.count / 4 / 32 * 22)
        let path = try folder.write(file.bytes, to: "model.gguf")
        let error = #expect(throws: ModelError.self) {
            try ModelLoader.load(path, backend: CPUBackend(threads: 1))
        }
        #expect(
            error
                == .unsupportedType(
                    tensor: "blk.1.ffn_up.weight", file: path, found: "Q5_0", supported: GGUFTensorType.supported))
    }
}
