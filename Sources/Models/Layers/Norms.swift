import Compute

/// Root-mean-square normalisation (Zhang & Sennrich 2019, arXiv:1910.07467).
struct RMSNorm: Sendable {
    /// [width].
    let weight: Tensor
    let epsilon: Float

    /// `offset`: added to the stored weight, where a model stores how far it is from 1 (Gemma); `factor`: of what comes out.
    init(_ weights: Weights, width: Int, epsilon: Float, offset: Float = 0, times factor: Float = 1) throws {
        weight =
            offset == 0 && factor == 1
            ? try weights.vectors(["weight"], shapes: [[width]])
            : try weights.derived("weight", shape: [width]) { $0.mapped { ($0 + offset) * factor } }
        self.epsilon = epsilon
    }

    /// [rows, width] in and out.
    func callAsFunction(_ input: Tensor, on backend: any Backend) throws -> Tensor {
        try backend.rmsNorm(input, weight: weight, epsilon: epsilon)
    }

    /// Each head of `columns` of every row by itself, in place.
    func applyToHeads(of rows: Tensor, columns: Range<Int>, on backend: any Backend) throws {
        try backend.rmsNormHeads(of: rows, columns: columns, weight: weight, epsilon: epsilon)
    }

    /// The same for a linear layer alone, which computes it on the way.
    func input(_ rows: Tensor) -> LinearInput { .rmsNormalized(rows, weight: weight, epsilon: epsilon) }
}

/// Layer normalisation with scale and shift (Ba et al. 2016, arXiv:1607.06450).
struct LayerNorm: Sendable {
    /// [width] each.
    let weight: Tensor
    let bias: Tensor
    let epsilon: Float

    init(_ weights: Weights, width: Int, epsilon: Float) throws {
        weight = try weights.vectors(["weight"], shapes: [[width]])
        bias = try weights.vectors(["bias"], shapes: [[width]])
        self.epsilon = epsilon
    }

    /// [rows, width] in and out.
    func callAsFunction(_ input: Tensor, on backend: any Backend) throws -> Tensor {
        try backend.layerNorm(input, weight: weight, bias: bias, epsilon: epsilon)
    }
}
