import Compute

/// Memory and nothing else: what the engine itself asks of a backend.
struct HostBackend: Backend {
    let name = "host memory"

    func makeTensor(_ shape: [Int], _ type: DType) throws -> Tensor {
        Tensor(shape: shape, type: type, storage: .host(byteCount: type.byteCount(of: shape.reduce(1, *))))
    }

    func upload(_ tensor: Tensor) throws -> Tensor { tensor }

    func download(_ tensor: Tensor) throws -> [Float] { tensor.floats }

    /// Filled with a value that no token has, so that reading what was never written is noticed.
    func makeKVCache(_ shape: KVCacheShape) throws -> KVCache {
        func layers() throws -> [Tensor] {
            try (0..<shape.layers).map { _ in
                let tensor = try makeTensor([shape.pages, shape.kvHeads, shape.pageSize, shape.headSize], .f32)
                tensor.fill(with: -12345)
                return tensor
            }
        }
        return KVCache(shape: shape, keys: try layers(), values: try layers())
    }

    private func refuse(_ operation: String = #function) -> ComputeError {
        .unsupported(operation: operation, reason: "the test's model does its own arithmetic")
    }

    func quantize(_ weight: Tensor, to type: DType) throws -> Tensor { throw refuse() }
    func linear(_ input: LinearInput, _ weight: Tensor, bias: Tensor?, activation: Activation) throws -> Tensor {
        throw refuse()
    }
    func addLinear(_ input: LinearInput, _ weight: Tensor, bias: Tensor?, to residual: Tensor) throws { throw refuse() }
    func rmsNorm(_ input: Tensor, weight: Tensor, epsilon: Float) throws -> Tensor { throw refuse() }
    func layerNorm(_ input: Tensor, weight: Tensor, bias: Tensor, epsilon: Float) throws -> Tensor { throw refuse() }
    func rmsNormHeads(of input: Tensor, columns: Range<Int>, weight: Tensor, epsilon: Float) throws { throw refuse() }
    func rotateHeads(of input: Tensor, columns: Range<Int>, by angles: RotaryAngles) throws { throw refuse() }
    func attention(_ qkv: Tensor, heads: Int, segments: [Int], queries: Range<Int>) throws -> Tensor { throw refuse() }
    func pagedAttention(
        _ qkv: Tensor, angles: RotaryAngles?, cache: KVCache, layer: Int, heads: Int, layout: PagedLayout
    ) throws -> Tensor { throw refuse() }
    func scale(_ target: Tensor, by factor: Float) throws { throw refuse() }
    func embed(_ ids: [Int32], table: Tensor) throws -> Tensor { throw refuse() }
    func gather(_ indices: [Int32], of input: Tensor) throws -> Tensor { throw refuse() }
    func scatter(_ source: Tensor, into target: Tensor, at indices: [Int32]) throws { throw refuse() }
    func scatterAdd(_ source: Tensor, to target: Tensor, at indices: [Int32]) throws { throw refuse() }
    func addRows(of table: Tensor, to target: Tensor) throws { throw refuse() }
    func patches(of frames: Tensor, size: Int) throws -> Tensor { throw refuse() }
    func pixelShuffle(_ input: Tensor, grid: Int, factor: Int) throws -> Tensor { throw refuse() }
}

extension Tensor {
    var floats: [Float] {
        Array(UnsafeBufferPointer(start: address.assumingMemoryBound(to: Float.self), count: count))
    }

    func fill(with value: Float) {
        UnsafeMutableBufferPointer(start: address.assumingMemoryBound(to: Float.self), count: count)
            .update(repeating: value)
    }

    /// Element `index` of the flat array.
    subscript(flat index: Int) -> Float {
        get { address.assumingMemoryBound(to: Float.self)[index] }
        nonmutating set { address.assumingMemoryBound(to: Float.self)[index] = newValue }
    }
}
