import Compute

/// `x · weightᵀ + bias`; several layers that read the same input are fused into one product.
struct Linear: Sendable {
    /// [outputs, inputs].
    let weight: Tensor
    /// [outputs].
    let bias: Tensor?

    /// `factors`: of each output, worked into weight and bias, which become f32: rounding the products to a half-precision
    /// type would cost as much again as that type does.
    init(_ weights: Weights, inputs: Int, outputs: Int, bias hasBias: Bool, times factors: [Float]? = nil) throws {
        weight = try weights.matrix(["weight"], outputs: [outputs], inputs: inputs, times: factors)
        bias = hasBias ? try weights.vectors(["bias"], shapes: [[outputs]], times: factors) : nil
    }

    /// The layers `names` side by side: their outputs follow one another in each row.
    init(_ weights: Weights, fusing names: [String], inputs: Int, outputs: [Int], bias hasBias: Bool) throws {
        weight = try weights.matrix(names.map { $0 + ".weight" }, outputs: outputs, inputs: inputs)
        bias = hasBias ? try weights.vectors(names.map { $0 + ".bias" }, shapes: outputs.map { [$0] }) : nil
    }

    init(weight: Tensor) {
        self.weight = weight
        bias = nil
    }

    /// [rows, inputs] → [rows, outputs].
    func callAsFunction(
        _ input: Tensor, activation: Activation = .none, on backend: any Backend
    ) throws -> Tensor {
        try self(.rows(input), activation: activation, on: backend)
    }

    /// [rows, inputs] → [rows, outputs].
    func callAsFunction(
        _ input: LinearInput, activation: Activation = .none, on backend: any Backend
    ) throws -> Tensor {
        try backend.linear(input, weight, bias: bias, activation: activation)
    }

    /// Adds the result to `residual` [rows, outputs] in place.
    func add(_ input: Tensor, to residual: Tensor, on backend: any Backend) throws {
        try add(.rows(input), to: residual, on: backend)
    }

    /// Adds the result, normalised where there is a norm for it, to `residual` [rows, outputs] in place.
    func add(_ input: LinearInput, normedBy norm: RMSNorm?, to residual: Tensor, on backend: any Backend) throws {
        guard let norm else { return try add(input, to: residual, on: backend) }
        try backend.addRows(of: norm(self(input, on: backend), on: backend), to: residual)
    }

    /// Adds the result to `residual` [rows, outputs] in place.
    func add(_ input: LinearInput, to residual: Tensor, on backend: any Backend) throws {
        try backend.addLinear(input, weight, bias: bias, to: residual)
    }
}
