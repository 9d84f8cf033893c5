import CCUDA
public import Compute

extension CUDABackend {
    /// Up to so many rows stream the weights, four at a time; more go to cuBLASLt, or through tiles.
    static let fewRows = 16

    public func linear(
        _ input: LinearInput, _ weight: Tensor, bias: Tensor?, activation: Activation
    ) throws -> Tensor {
        let output = try makeTensor([input.source.rows, weight.rows], .f32)
        try multiply(input, weight, bias: bias, into: output, adds: false)
        if let activation = activation.kernelActivation {
            let arguments = activate_values_arguments(
                target: output.deviceAddress, count: UInt64(output.count), activation: Int32(activation))
            try launch(.activateValues, values: output.count, arguments)
        }
        return output
    }

    public func addLinear(_ input: LinearInput, _ weight: Tensor, bias: Tensor?, to residual: Tensor) throws {
        precondition(residual.rows == input.source.rows, "\(residual.rows) rows for \(input.source.rows) results")
        try multiply(input, weight, bias: bias, into: residual, adds: true)
    }

    private func multiply(
        _ input: LinearInput, _ weight: Tensor, bias: Tensor?, into output: Tensor, adds: Bool
    ) throws {
        precondition(input.width == weight.width, "input \(input.source.shape) for \(weight.width) inputs")
        precondition(output.width == weight.rows && output.type == .f32, "result \(output.shape) of \(weight.shape)")
        precondition(
            bias.map { $0.type == .f32 && $0.count == weight.rows } ?? true, "bias does not fit weight \(weight.shape)")
        let rows = try rows(of: input, as: weight.type == .bf16 ? .bf16 : .f32)
        let arguments = multiply_arguments(
            input: rows.deviceAddress, weight: weight.deviceAddress, bias: bias?.deviceAddress ?? 0,
            output: output.deviceAddress, rows: Int32(rows.rows), inputs: Int32(weight.width),
            outputs: Int32(weight.rows), adds: adds ? 1 : 0)
        let kernels = ProductKernels(weight.type)
        if rows.rows > Self.fewRows, weight.type == .bf16, let products,
            try products.multiply(rows, weight, bias: bias, into: output, adds: adds)
        {
            return
        }
        if rows.rows <= Self.fewRows {
            let (kernel, rowsAtOnce) = rows.rows == 1 ? (kernels.one, 1) : (kernels.four, 4)
            let warps = 8
            try device.launch(
                kernel, grid: ((weight.rows + warps - 1) / warps, (rows.rows + rowsAtOnce - 1) / rowsAtOnce, 1),
                threads: 32 * warps, arguments)
        } else {
            let tile = Int(KERNEL_PRODUCT_TILE)
            try device.launch(
                kernels.tiles, grid: ((weight.rows + tile - 1) / tile, (rows.rows + tile - 1) / tile, 1), threads: 256,
                arguments)
        }
    }

    /// What the product reads: rows computed on the way are rounded as they are stored.
    private func rows(of input: LinearInput, as type: DType) throws -> Tensor {
        switch input {
        case .rows(let rows):
            precondition(rows.type == .f32, "rows of \(rows.type)")
            guard type == .bf16 else { return rows }
            let rounded = try makeTensor([rows.rows, rows.width], .bf16)
            let arguments = round_values_arguments(
                input: rows.deviceAddress, output: rounded.deviceAddress, count: UInt64(rows.count))
            try launch(.roundValues, values: rows.count, arguments)
            return rounded
        case .rmsNormalized(let rows, let weight, let epsilon):
            return try norm(.rmsNormRows, rows, weight: weight, bias: nil, epsilon: epsilon, as: type)
        case .siluGated(let gateUp): return try gated(gateUp, KERNEL_SILU, as: type)
        case .geluTanhGated(let gateUp): return try gated(gateUp, KERNEL_GELU_TANH, as: type)
        }
    }

    private func gated(_ gateUp: Tensor, _ activation: Int, as type: DType) throws -> Tensor {
        precondition(gateUp.type == .f32 && gateUp.width.isMultiple(of: 2), "gate and up of \(gateUp.width)")
        let output = try makeTensor([gateUp.rows, gateUp.width / 2], type)
        let arguments = gate_rows_arguments(
            input: gateUp.deviceAddress, output: output.deviceAddress, rows: Int32(output.rows),
            width: Int32(output.width), outputType: output.kernelType, activation: Int32(activation))
        try launch(.gateRows, values: output.count, arguments)
        return output
    }
}

/// The kernels that multiply by weights of a type.
private struct ProductKernels {
    let one, four, tiles: Kernel

    init(_ type: DType) {
        switch type {
        case .f32: (one, four, tiles) = (.multiplyOneF32, .multiplyFourF32, .multiplyTilesF32)
        case .f16: (one, four, tiles) = (.multiplyOneF16, .multiplyFourF16, .multiplyTilesF16)
        case .bf16: (one, four, tiles) = (.multiplyOneBF16, .multiplyFourBF16, .multiplyTilesBF16)
        case .i32, .u8, .q8, .q4: preconditionFailure("no product with \(type)")
        }
    }
}

extension Activation {
    /// As the kernels call it; nil for none.
    fileprivate var kernelActivation: Int? {
        switch self {
        case .none: nil
        case .geluTanh: KERNEL_GELU_TANH
        case .gelu: KERNEL_GELU
        case .silu: KERNEL_SILU
        case .quickGELU: KERNEL_QUICK_GELU
        }
    }
}
