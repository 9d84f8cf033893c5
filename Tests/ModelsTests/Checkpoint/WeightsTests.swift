import Compute
import Testing

@testable import Models

struct WeightsTests {
    private let backend = CPUBackend(threads: 1)

    /// A checkpoint folder with the given tensors, under `aliases`.
    private func source(
        _ folder: TemporaryFolder, _ tensors: [String: (shape: [Int], values: [Float])],
        aliases: [String: String] = [:]
    ) throws -> CheckpointTensors {
        try folder.write(Array("{}".utf8), to: "config.json")
        try folder.write(SafetensorsBytes.file(tensors), to: "model.safetensors")
        return try CheckpointTensors(
            Checkpoint(folder.path), aliases: TensorAliases(canonicalPrefixes: aliases))
    }

    private func loading(
        _ source: any TensorSource, _ quantization: LoadOptions.Quantization = .none
    ) -> Weights { .loading(source, to: backend, quantization: quantization) }

    @Test func `matrices that are fused lie one below the other, scopes add up to names`() throws {
        let folder = try TemporaryFolder()
        let source = try source(
            folder,
            [
                "a.q.weight": ([1, 2], [1, 2]), "a.k.weight": ([2, 2], [3, 4, 5, 6]), "a.q.bias": ([1], [7]),
                "a.k.bias": ([2], [8, 9]),
            ])
        let linear = try Linear(
            loading(source).scoped("a"), fusing: ["q", "k"], inputs: 2, outputs: [1, 2], bias: true)
        #expect(linear.weight.shape == [3, 2])
        #expect(try backend.download(linear.weight) == [1, 2, 3, 4, 5, 6])
        #expect(try linear.bias.map(backend.download) == [7, 8, 9])
    }

    @Test func `a single matrix stays in the mapping`() throws {
        let folder = try TemporaryFolder()
        let source = try source(folder, ["w": ([2, 2], [1, 2, 3, 4])])
        let matrix = try loading(source).matrix(["w"], outputs: [2], inputs: 2)
        #expect(matrix.storage === source.checkpoint.files[0].file.storage)
    }

    @Test func `a tensor that is not aligned to its elements is copied, not misread`() throws {
        let folder = try TemporaryFolder()
        try folder.write(Array("{}".utf8), to: "config.json")
        let header =
            #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[1,9]}} "#
        let padding = String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        var bytes = SafetensorsBytes.file(header: header + padding, data: 1)
        for value in [Float(1.5), -2] { bytes += withUnsafeBytes(of: value) { Array($0) } }
        try folder.write(bytes, to: "model.safetensors")
        let source = try CheckpointTensors(Checkpoint(folder.path), aliases: TensorAliases(canonicalPrefixes: [:]))
        let matrix = try loading(source).matrix(["w"], outputs: [1], inputs: 2)
        #expect(matrix.storage !== source.checkpoint.files[0].file.storage)
        #expect(try backend.download(matrix) == [1.5, -2])
    }

    @Test func `padded rows of a vocabulary are cut off`() throws {
        let folder = try TemporaryFolder()
        let source = try source(folder, ["e": ([4, 1], [1, 2, 3, 4])])
        #expect(try backend.download(loading(source).table("e", rows: 3, width: 1)) == [1, 2, 3])
        #expect(try backend.download(loading(source).head("e", outputs: 2, inputs: 1)) == [1, 2])
        #expect(throws: ModelError.self) { try loading(source).table("e", rows: 5, width: 1) }
        #expect(throws: ModelError.self) { try loading(source).table("e", rows: 3, width: 2) }
    }

    @Test func `a tensor that is no table of the width has no rows to cut off`() throws {
        let folder = try TemporaryFolder()
        let source = try source(
            folder, ["wide": ([9, 3], .init(repeating: 0, count: 27)), "long": ([1 << 40, 0], [])])
        let audit = Weights.auditing(source)
        _ = try audit.table("wide", rows: 4, width: 2)
        _ = try audit.table("long", rows: 4, width: 1 << 30)
        let file = source.checkpoint.files[0].file.path
        #expect(
            audit.problems == [
                .wrongShape(tensor: "wide", file: file, expected: [4, 2], found: [9, 3]),
                .wrongShape(tensor: "long", file: file, expected: [4, 1 << 30], found: [1 << 40, 0]),
            ])
    }

    @Test func `types widen exactly and differing types meet in f32`() throws {
        let half = Tensor.host(shape: [3], type: .f16)
        let brain = Tensor.host(shape: [3], type: .bf16)
        for (index, value) in [Float(1.5), -0.000061035156, 65504].enumerated() {
            half.bytes.storeBytes(of: Float16(value), toByteOffset: 2 * index, as: Float16.self)
            brain.bytes.storeBytes(
                of: UInt16(value.bitPattern >> 16), toByteOffset: 2 * index, as: UInt16.self)
        }
        #expect(try backend.download(half.widened()) == [1.5, -0.000061035156, 65504])
        #expect(try backend.download(brain.widened()) == [1.5, -0.000061035156, 65280])
        let both = Tensor.concatenating([half.reshaped([1, 3]), brain.reshaped([1, 3])])
        #expect(both.type == .f32 && both.shape == [2, 3])
        #expect(Tensor.concatenating([half, half]).type == .f16)
    }

    @Test func `only matrices with whole blocks are quantised`() throws {
        let folder = try TemporaryFolder()
        let wide = ([16, 32], [Float](repeating: 0.5, count: 512))
        let source = try source(
            folder, ["wide": wide, "narrow": ([1, 16], [Float](repeating: 1, count: 16)), "table": wide])
        let weights = loading(source, .q8)
        #expect(try weights.matrix(["wide"], outputs: [16], inputs: 32).type == .q8)
        #expect(try weights.matrix(["narrow"], outputs: [1], inputs: 16).type == .f32)
        let table = try weights.table("table", rows: 16, width: 32)
        #expect(table.type == .f32)
        #expect(try weights.head(tiedTo: table).type == .q8)
        #expect(try weights.vectors(["wide"], shapes: [[16, 32]]).type == .f32)
        #expect(try loading(source).head(tiedTo: table).storage === table.storage)
    }

    @Test func `the bytes of all that was loaded are counted in the types that it has now`() throws {
        let folder = try TemporaryFolder()
        let wide = ([16, 32], [Float](repeating: 0.5, count: 512))
        let source = try source(folder, ["wide": wide, "table": wide])
        let weights = loading(source, .q8)
        let quantised = try weights.matrix(["wide"], outputs: [16], inputs: 32)
        let table = try weights.table("table", rows: 16, width: 32)
        #expect(weights.byteCount == quantised.byteCount + 2048)
        let head = try weights.head(tiedTo: table)
        #expect(weights.byteCount == quantised.byteCount + 2048 + head.byteCount)
        let plain = loading(source)
        _ = try plain.head(tiedTo: plain.table("table", rows: 16, width: 32))
        #expect(plain.byteCount == 2048, "a head that is the table takes no memory of its own")
    }

    @Test func `four bits are for the decoder's matrices only`() throws {
        let folder = try TemporaryFolder()
        let source = try source(folder, ["wide": ([16, 32], [Float](repeating: 0.5, count: 512))])
        let weights = loading(source, .q4)
        #expect(try weights.matrix(["wide"], outputs: [16], inputs: 32).type == .q4)
        #expect(try weights.head("wide", outputs: 16, inputs: 32).type == .q8)
        #expect(try weights.withEightBits.matrix(["wide"], outputs: [16], inputs: 32).type == .q8)
        #expect(try loading(source).withEightBits.matrix(["wide"], outputs: [16], inputs: 32).type == .f32)
    }

    @Test func `an audit names everything missing, wrong and left over, and allocates nothing`() throws {
        let folder = try TemporaryFolder()
        let source = try source(folder, ["a.w": ([2, 2], [1, 2, 3, 4]), "a.extra": ([1], [0]), "b.more": ([1], [0])])
        let audit = Weights.auditing(source)
        #expect(try audit.scoped("a").matrix(["w"], outputs: [3], inputs: 2).count == 0)
        _ = try audit.scoped("a").vectors(["absent"], shapes: [[4]])
        _ = try audit.table("gone", rows: 4, width: 2)
        let file = source.checkpoint.files[0].file.path
        #expect(
            audit.problems == [
                .missingTensors(names: ["a.absent", "gone"], folder: folder.path),
                .wrongShape(tensor: "a.w", file: file, expected: [3, 2], found: [2, 2]),
                .leftoverTensors(names: ["a.extra", "b.more"], folder: folder.path),
            ])
        #expect(audit.problems[0].description.contains("a.absent, gone"))
        #expect(audit.problems[2].description.contains("a.extra, b.more"))
    }

    @Test func `a type that cannot be computed with is an error only where it is used`() throws {
        let folder = try TemporaryFolder()
        try folder.write(Array("{}".utf8), to: "config.json")
        let header = #"{"w":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]}}"#
        try folder.write(SafetensorsBytes.file(header: header, data: 4), to: "model.safetensors")
        let source = try CheckpointTensors(Checkpoint(folder.path), aliases: TensorAliases(canonicalPrefixes: [:]))
        let audit = Weights.auditing(source)
        _ = try audit.matrix(["w"], outputs: [2], inputs: 2)
        #expect(audit.problems.count == 1)
        #expect(audit.problems[0].description.contains("F8_E4M3"))
    }

    @Test func `names of other generations stand for the same tensors, unless both are there`() throws {
        let aliases = ["old.tower.": "new.", "old.": "new.old."]
        let folder = try TemporaryFolder()
        let renamed = try source(folder, ["old.tower.w": ([1], [1]), "old.x": ([1], [2])], aliases: aliases)
        #expect(renamed.names == ["new.w", "new.old.x"])
        let other = try TemporaryFolder()
        let error = #expect(throws: ModelError.self) {
            try source(other, ["old.tower.w": ([1], [1]), "new.w": ([1], [2])], aliases: aliases)
        }
        #expect(error?.description.contains("old.tower.w") == true && error?.description.contains("new.w") == true)
    }

    @Test func `buffers of old releases are ignored`() throws {
        let folder = try TemporaryFolder()
        let source = try source(
            folder, ["layers.0.self_attn.rotary_emb.inv_freq": ([1], [1]), "embeddings.position_ids": ([1], [1])])
        #expect(source.names.isEmpty && Weights.auditing(source).problems.isEmpty)
    }
}
