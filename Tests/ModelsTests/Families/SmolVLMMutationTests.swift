import Compute
import Testing

@testable import Models

/// Each plausible mistake must move the logits beyond what the golden tests allow: proof that the goldens would show it.
struct SmolVLMMutationTests {
    private let backend = CPUBackend(threads: 1)

    /// How far the logits of the golden with tiles are off when the model is built from a changed configuration.
    private func error(
        _ change: (inout SmolVLMConfiguration) -> Void = { _ in },
        on backend: (any Backend)? = nil
    ) throws -> Float {
        let golden = try #require(Golden.cases(of: "smolvlm-tiny").first { $0.name == "one picture in tiles" })
        let backend = backend ?? self.backend
        let checkpoint = try Checkpoint(CheckpointFixtures.smolVLM)
        var configuration = try SmolVLMConfiguration(checkpoint.settings)
        change(&configuration)
        let tensors = try CheckpointTensors(checkpoint, aliases: .smolVLM)
        let weights = Weights.loading(tensors, to: self.backend, quantization: .none)
        let model = try SmolVLM(weights, configuration, backend: backend)
        let loaded = try ModelLoader.load(CheckpointFixtures.smolVLM, backend: self.backend)
        let prompt = try golden.prompt(loaded)
        let generation = try GreedyGeneration(prompt, length: 1, on: model, backend)
        return relativeError(try generation.prefill(logitRows: golden.logitRows), golden.logits)
    }

    @Test func `unchanged it agrees`() throws { #expect(try error() < 1e-4) }

    @Test func `another rope theta shows`() throws {
        #expect(try error { $0.text.rotary.theta = 10_000 } > 1e-4)
    }

    @Test func `rope scaling that is not there shows`() throws {
        #expect(try error { $0.text.rotary.scaling = .linear(factor: 2) } > 1e-4)
    }

    @Test func `the other gelu shows`() throws { #expect(try error { $0.vision.activation = .gelu } > 1e-4) }

    @Test func `another epsilon shows`() throws {
        #expect(try error { $0.vision.epsilon = 1e-3 } > 1e-4)
        #expect(try error { $0.text.epsilon = 1e-3 } > 1e-4)
    }

    @Test func `the other order of the pixel shuffle shows`() throws {
        #expect(try error(on: TransposingShuffle(backend)) > 1e-4)
    }
}

/// The CPU backend with a pixel shuffle ordered (dx, dy) instead of (dy, dx).
struct TransposingShuffle: Backend {
    let base: any Backend

    init(_ base: any Backend) { self.base = base }

    func pixelShuffle(_ input: Tensor, grid: Int, factor: Int) throws -> Tensor {
        let right = try base.pixelShuffle(input, grid: grid, factor: factor)
        let cells = right.reshaped([right.count / input.width, input.width])
        let order = (0..<cells.rows).map { row in
            let (group, cell) = (row / (factor * factor), row % (factor * factor))
            return Int32(group * factor * factor + cell % factor * factor + cell / factor)
        }
        return try base.gather(order, of: cells).reshaped(right.shape)
    }

    var name: String { base.name }
    func makeTensor(_ shape: [Int], _ type: DType) throws -> Tensor { try base.makeTensor(shape, type) }
    func upload(_ tensor: Tensor) throws -> Tensor { try base.upload(tensor) }
    func quantize(_ weight: Tensor, to type: DType) throws -> Tensor { try base.quantize(weight, to: type) }
    func download(_ tensor: Tensor) throws -> [Float] { try base.download(tensor) }
    func makeKVCache(_ shape: KVCacheShape) throws -> KVCache { try base.makeKVCache(shape) }
    func linear(_ input: LinearInput, _ weight: Tensor, bias: Tensor?, activation: Activation) throws -> Tensor {
        try base.linear(input, weight, bias: bias, activation: activation)
    }
    func addLinear(_ input: LinearInput, _ weight: Tensor, bias: Tensor?, to residual: Tensor) throws {
        try base.addLinear(input, weight, bias: bias, to: residual)
    }
    func rmsNorm(_ input: Tensor, weight: Tensor, epsilon: Float) throws -> Tensor {
        try base.rmsNorm(input, weight: weight, epsilon: epsilon)
    }
    func layerNorm(_ input: Tensor, weight: Tensor, bias: Tensor, epsilon: Float) throws -> Tensor {
        try base.layerNorm(input, weight: weight, bias: bias, epsilon: epsilon)
    }
    func rmsNormHeads(of input: Tensor, columns: Range<Int>, weight: Tensor, epsilon: Float) throws {
        try base.rmsNormHeads(of: input, columns: columns, weight: weight, epsilon: epsilon)
    }
    func rotateHeads(of input: Tensor, columns: Range<Int>, by angles: RotaryAngles) throws {
        try base.rotateHeads(of: input, columns: columns, by: angles)
    }
    func attention(_ qkv: Tensor, heads: Int, segments: [Int], queries: Range<Int>) throws -> Tensor {
        try base.attention(qkv, heads: heads, segments: segments, queries: queries)
    }
    func pagedAttention(
        _ qkv: Tensor, angles: RotaryAngles?, cache: KVCache, layer: Int, heads: Int, layout: PagedLayout
    ) throws -> Tensor {
        try base.pagedAttention(qkv, angles: angles, cache: cache, layer: layer, heads: heads, layout: layout)
    }
    func scale(_ target: Tensor, by factor: Float) throws { try base.scale(target, by: factor) }
    func embed(_ ids: [Int32], table: Tensor) throws -> Tensor { try base.embed(ids, table: table) }
    func gather(_ indices: [Int32], of input: Tensor) throws -> Tensor { try base.gather(indices, of: input) }
    func scatter(_ source: Tensor, into target: Tensor, at indices: [Int32]) throws {
        try base.scatter(source, into: target, at: indices)
    }
    func scatterAdd(_ source: Tensor, to target: Tensor, at indices: [Int32]) throws {
        try base.scatterAdd(source, to: target, at: indices)
    }
    func addRows(of table: Tensor, to target: Tensor) throws { try base.addRows(of: table, to: target) }
    func patches(of frames: Tensor, size: Int) throws -> Tensor { try base.patches(of: frames, size: size) }
}
