/// The tensor operations that the models of Docent need, on one device.
///
/// Only what a model calls is here; what pays when fused is one operation and named for it. Activations are f32
/// matrices [rows, width]; weights may be f32, f16, bf16, q8 or q4 and are [outputs, inputs] as checkpoints store them.
/// A backend is used from one thread at a time. Shapes that do not fit are our bugs (`precondition`); running out of
/// memory or losing the device throws `ComputeError`.
public protocol Backend: Sendable {
    /// For people: "cpu (AVX-512, 2 threads)", "cuda:0 (NVIDIA H100)".
    var name: String { get }

    // MARK: Memory

    /// Uninitialised memory for a tensor on this device.
    func makeTensor(_ shape: [Int], _ type: DType) throws -> Tensor

    /// A host tensor as this device wants it; the CPU backend returns `tensor` itself, so mapped weights stay in place.
    func upload(_ tensor: Tensor) throws -> Tensor

    /// A weight matrix [outputs, inputs] turned into blocks of 32 along its inputs; `type`: q8 or q4.
    func quantize(_ weight: Tensor, to type: DType) throws -> Tensor

    /// The elements of an f32 tensor, on the host.
    func download(_ tensor: Tensor) throws -> [Float]

    /// Pages of keys and values for `layers` decoder layers.
    func makeKVCache(_ shape: KVCacheShape) throws -> KVCache

    // MARK: Matrices

    /// `activation(input · weightᵀ + bias)`: [rows, inputs] × [outputs, inputs] → [rows, outputs].
    func linear(_ input: LinearInput, _ weight: Tensor, bias: Tensor?, activation: Activation) throws -> Tensor

    /// `residual += input · weightᵀ + bias`, in place; `residual`: [rows, outputs].
    func addLinear(_ input: LinearInput, _ weight: Tensor, bias: Tensor?, to residual: Tensor) throws

    // MARK: Normalisation

    /// `weight · x / √(mean(x²) + ε)` for each row; [rows, width] in and out (Zhang & Sennrich 2019).
    func rmsNorm(_ input: Tensor, weight: Tensor, epsilon: Float) throws -> Tensor

    /// `weight · (x − mean) / √(variance + ε) + bias` for each row, biased variance; [rows, width] in and out.
    func layerNorm(_ input: Tensor, weight: Tensor, bias: Tensor, epsilon: Float) throws -> Tensor

    /// `rmsNorm` of each head by itself, in place: of every row of `input` the part `columns`, which is whole heads of
    /// `weight.count` values.
    func rmsNormHeads(of input: Tensor, columns: Range<Int>, weight: Tensor, epsilon: Float) throws

    // MARK: Attention

    /// Turns each head by its row's angles, in place: of every row of `input` the part `columns`, which is whole heads of
    /// twice as many values as a row has angles.
    func rotateHeads(of input: Tensor, columns: Range<Int>, by angles: RotaryAngles) throws

    /// Full attention inside each segment (no mask), as vision towers use it, for the queries of some rows.
    ///
    /// `qkv`: [rows, 3 × heads × headSize], the three parts side by side. `segments`: row counts that add up to
    /// `rows`. Scale 1/√headSize. Returns [queries, heads × headSize], whose bits do not depend on the choice of queries.
    func attention(_ qkv: Tensor, heads: Int, segments: [Int], queries: Range<Int>) throws -> Tensor

    /// Attention over paged keys and values, causal where the layout does not say what rows see: rotates queries and keys,
    /// stores keys and values in the pages of each sequence, then attends.
    ///
    /// `qkv`: [rows, (heads + 2 × kvHeads) × headSize], queries first; row r belongs to the sequence of `layout`
    /// whose `rows` hold r. `angles` rotates pair (i, i + headSize/2); nil stores keys unrotated. Scale 1/√headSize.
    /// Returns [rows, heads × headSize].
    func pagedAttention(
        _ qkv: Tensor, angles: RotaryAngles?, cache: KVCache, layer: Int, heads: Int, layout: PagedLayout
    ) throws -> Tensor

    // MARK: Moving rows

    /// `target *= factor`, in place.
    func scale(_ target: Tensor, by factor: Float) throws

    /// Rows `ids` of `table` [vocabulary, width] as f32 [ids, width].
    func embed(_ ids: [Int32], table: Tensor) throws -> Tensor

    /// Rows `indices` of `input` [rows, width] → [indices, width].
    func gather(_ indices: [Int32], of input: Tensor) throws -> Tensor

    /// `target[indices[i]] = source[i]`, in place; both f32 with equal widths.
    func scatter(_ source: Tensor, into target: Tensor, at indices: [Int32]) throws

    /// `target[indices[i]] += source[i]`, in place; both f32 with equal widths, no index twice.
    func scatterAdd(_ source: Tensor, to target: Tensor, at indices: [Int32]) throws

    /// `target[r] += table[r mod tableRows]`, in place: position embeddings for a stack of frames.
    func addRows(of table: Tensor, to target: Tensor) throws

    /// Square patches of planar frames, raster order, each flattened (channel, y, x):
    /// [frames, channels, height, width] → [frames × (height/size) × (width/size), channels × size²].
    func patches(of frames: Tensor, size: Int) throws -> Tensor

    /// Folds `factor`² neighbouring cells of each `grid` × `grid` frame into one row, ordered (dy, dx, channel):
    /// [frames × grid², width] → [frames × (grid/factor)², width × factor²].
    func pixelShuffle(_ input: Tensor, grid: Int, factor: Int) throws -> Tensor
}

extension Backend {
    /// Full attention inside each segment for all rows of `qkv`: [rows, 3 × heads × headSize] → [rows, heads × headSize].
    public func attention(_ qkv: Tensor, heads: Int, segments: [Int]) throws -> Tensor {
        try attention(qkv, heads: heads, segments: segments, queries: 0..<qkv.rows)
    }

    /// `activation(input · weightᵀ + bias)` of rows as they are: [rows, inputs] × [outputs, inputs] → [rows, outputs].
    public func linear(
        _ input: Tensor, _ weight: Tensor, bias: Tensor?, activation: Activation
    ) throws -> Tensor {
        try linear(.rows(input), weight, bias: bias, activation: activation)
    }

    /// `residual += input · weightᵀ + bias`, in place, of rows as they are; `residual`: [rows, outputs].
    public func addLinear(_ input: Tensor, _ weight: Tensor, bias: Tensor?, to residual: Tensor) throws {
        try addLinear(.rows(input), weight, bias: bias, to: residual)
    }
}

/// What is applied to the result of a linear layer.
public enum Activation: Sendable {
    case none
    /// ½x(1 + tanh(√(2/π)(x + 0.044715x³))), `gelu_pytorch_tanh`.
    case geluTanh
    /// ½x(1 + erf(x/√2)).
    case gelu
    case silu
    /// x / (1 + e^(−1.702x)), CLIP's `quick_gelu`.
    case quickGELU
}

/// Cosines and sines of the rotary angles of each row of a batch, both [rows, headSize / 2] (Su et al. 2021,
/// arXiv:2104.09864; the half-split pairing of Hugging Face's `rotate_half`).
public struct RotaryAngles: Sendable {
    public let cosines: Tensor
    public let sines: Tensor

    public init(cosines: Tensor, sines: Tensor) {
        self.cosines = cosines
        self.sines = sines
    }
}
