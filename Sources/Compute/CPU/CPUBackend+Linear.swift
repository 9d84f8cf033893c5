import CKernels

extension CPUBackend {
    public func linear(_ input: Tensor, _ weight: Tensor, bias: Tensor?, activation: Activation) throws -> Tensor {
        let output = try makeTensor([input.rows, weight.rows], .f32)
        let bias = try bias.map(widened)
        var arguments = self.arguments(input, weight, bias: bias, output: output)
        arguments.activation = activation.kernelActivation
        try multiply(&arguments)
        withExtendedLifetime((input, weight, bias)) {}
        return output
    }

    public func addLinear(_ input: Tensor, _ weight: Tensor, bias: Tensor?, to residual: Tensor) throws {
        let bias = try bias.map(widened)
        var arguments = self.arguments(input, weight, bias: bias, output: residual)
        arguments.accumulate = true
        try multiply(&arguments)
        withExtendedLifetime((input, weight, bias, residual)) {}
    }

    private func arguments(_ input: Tensor, _ weight: Tensor, bias: Tensor?, output: Tensor) -> docent_linear {
        precondition(input.width == weight.width, "input \(input.shape) does not fit weight \(weight.shape)")
        precondition(
            output.rows == input.rows && output.width == weight.rows,
            "result \(output.shape) of input \(input.shape) and weight \(weight.shape)")
        precondition(bias.map { $0.count == weight.rows } ?? true, "bias does not fit weight \(weight.shape)")
        var arguments = docent_linear()
        arguments.input = UnsafePointer(input.floats)
        arguments.weight = UnsafeRawPointer(weight.address)
        arguments.bias = bias.map { UnsafePointer($0.floats) }
        arguments.output = output.floats
        arguments.rows = Int64(input.rows)
        arguments.inputs = Int64(weight.width)
        arguments.outputs = Int64(weight.rows)
        arguments.type = weight.kernelType
        return arguments
    }

    private func multiply(_ arguments: inout docent_linear) throws {
        guard arguments.rows > 0 else { return }
        if arguments.type == docent_q8 || arguments.type == docent_q4 {
            // Whatever the number of rows: activations rounded to int8 in a small batch and not in a large one would
            // make an answer depend on its company.
            if hasQuantizedTiles(for: arguments) {
                try multiplyQuantizedTiles(arguments)
            } else {
                try multiplyQuantized(&arguments)
            }
        } else if arguments.rows <= kernels.row_limit {
            multiplyRows(arguments)
        } else {
            try multiplyTiles(arguments)
        }
    }

    // MARK: Few rows

    /// Streams the weights once, each thread its share of the outputs.
    private func multiplyRows(_ arguments: docent_linear) {
        let outputs = Int(arguments.outputs)
        pool.run(over: outputs, step: 16, cost: outputs * Int(arguments.inputs)) { range, _ in
            withUnsafePointer(to: arguments) {
                kernels.multiply_rows($0, Int64(range.lowerBound), Int64(range.upperBound))
            }
        }
    }

    private func multiplyQuantized(_ arguments: inout docent_linear) throws {
        let rows = Int(arguments.rows)
        let inputs = Int(arguments.inputs)
        let blocks = inputs / DType.q8.blockLength
        let values = try makeTensor([2, rows, inputs], .u8)
        let scales = try makeTensor([2, rows, blocks], .f32)
        let quantized = docent_quantized_rows(
            values: values.address, scales: scales.floats,
            starts: (scales.address + scales.byteCount / 2).assumingMemoryBound(to: Int32.self))
        let (type, input) = (arguments.type, arguments.input)
        pool.run(over: rows, step: 1, cost: rows * inputs) { range, _ in
            kernels.quantize_rows(
                type, input, Int64(inputs), Int64(range.lowerBound), Int64(range.upperBound), quantized)
        }
        arguments.quantized = quantized
        multiplyRows(arguments)
        withExtendedLifetime((values, scales)) {}
    }

    // MARK: Many rows

    /// Packs a few megabytes of rows at a time, so that they stay in the shared cache while all weights pass.
    private func multiplyTiles(_ arguments: docent_linear) throws {
        let tile = Int(kernels.tile_rows)
        let inputs = Int(arguments.inputs)
        let rows = (Int(arguments.rows) + tile - 1) / tile * tile
        let block = min(rows, max(240, Self.packedElements / inputs) / tile * tile)
        let packed = try makeTensor([block, inputs], .f32)
        let scratch = try makeTensor([pool.threads, inputs * Int(kernels.tile_outputs)], .f32)
        for start in stride(from: 0, to: Int(arguments.rows), by: block) {
            multiplyBlock(arguments, start..<min(Int(arguments.rows), start + block), packed, scratch)
        }
    }

    private static let packedElements = 1 << 20

    private func multiplyBlock(_ arguments: docent_linear, _ rows: Range<Int>, _ packed: Tensor, _ scratch: Tensor) {
        let inputs = Int(arguments.inputs)
        let tile = Int(kernels.tile_rows)
        var block = arguments
        block.input = arguments.input + rows.lowerBound * inputs
        block.output = arguments.output + rows.lowerBound * Int(arguments.outputs)
        block.rows = Int64(rows.count)
        pool.run(over: rows.count, step: tile, cost: rows.count * inputs) { range, _ in
            kernels.pack_rows(
                block.input, block.rows, block.inputs, Int64(range.lowerBound), Int64(range.upperBound), packed.floats)
        }
        let panelWidth = Int(kernels.tile_outputs)
        let panels = (Int(block.outputs) + panelWidth - 1) / panelWidth
        let tiles = (rows.count + tile - 1) / tile
        // Rows are shared out too where panels alone would leave threads idle at the end.
        let rowParts = max(1, min(tiles / 4, (3 * pool.threads + panels - 1) / panels))
        pool.run(parts: panels * rowParts) { part, thread in
            let firstTile = part % rowParts * tiles / rowParts
            let lastTile = (part % rowParts + 1) * tiles / rowParts
            withUnsafePointer(to: block) {
                kernels.multiply_tiles(
                    $0, packed.floats, Int64(firstTile * tile), Int64(min(rows.count, lastTile * tile)),
                    Int64(part / rowParts * panelWidth), scratch.floats + thread * inputs * panelWidth)
            }
        }
    }
}

extension Activation {
    fileprivate var kernelActivation: docent_activation {
        switch self {
        case .none: docent_identity
        case .geluTanh: docent_gelu_tanh
        case .gelu: docent_gelu
        case .silu: docent_silu
        }
    }
}
