import CKernels

extension CPUBackend {
    public func linear(
        _ input: LinearInput, _ weight: Tensor, bias: Tensor?, activation: Activation
    ) throws -> Tensor {
        let output = try makeTensor([input.source.rows, weight.rows], .f32)
        let bias = try bias.map(widened)
        var arguments = self.arguments(weight, bias: bias, output: output)
        arguments.activation = activation.kernelActivation
        try multiply(input, &arguments)
        withExtendedLifetime((weight, bias)) {}
        return output
    }

    public func addLinear(_ input: LinearInput, _ weight: Tensor, bias: Tensor?, to residual: Tensor) throws {
        precondition(residual.rows == input.source.rows, "\(residual.rows) rows for \(input.source.rows) results")
        let bias = try bias.map(widened)
        var arguments = self.arguments(weight, bias: bias, output: residual)
        arguments.accumulate = true
        try multiply(input, &arguments)
        withExtendedLifetime((weight, bias, residual)) {}
    }

    private func arguments(_ weight: Tensor, bias: Tensor?, output: Tensor) -> docent_linear {
        precondition(output.width == weight.rows, "result \(output.shape) of weight \(weight.shape)")
        precondition(bias.map { $0.count == weight.rows } ?? true, "bias does not fit weight \(weight.shape)")
        var arguments = docent_linear()
        arguments.weight = UnsafeRawPointer(weight.address)
        arguments.bias = bias.map { UnsafePointer($0.floats) }
        arguments.output = output.floats
        arguments.rows = Int64(output.rows)
        arguments.inputs = Int64(weight.width)
        arguments.outputs = Int64(weight.rows)
        arguments.type = weight.kernelType
        return arguments
    }

    private func multiply(_ input: LinearInput, _ arguments: inout docent_linear) throws {
        precondition(
            input.width == Int(arguments.inputs), "input \(input.source.shape) for \(arguments.inputs) inputs")
        guard arguments.rows > 0 else { return }
        if arguments.type == docent_q8 || arguments.type == docent_q4 {
            // Whatever the number of rows: activations rounded to int8 in a small batch and not in a large one would
            // make an answer depend on its company.
            if hasQuantizedTiles(for: arguments) {
                try multiplyQuantizedTiles(arguments, of: input)
            } else {
                let quantized = try quantizedRows(of: input, for: arguments.type)
                arguments.quantized = quantized.pointers
                multiplyRows(arguments)
                withExtendedLifetime(quantized.memory) {}
            }
        } else {
            let rows = try rows(of: input)
            arguments.input = UnsafePointer(rows.floats)
            if arguments.rows <= kernels.row_limit { multiplyRows(arguments) } else { try multiplyTiles(arguments) }
            withExtendedLifetime(rows) {}
        }
    }

    private func rows(of input: LinearInput) throws -> Tensor {
        switch input {
        case .rows(let rows): rows
        case .rmsNormalized(let rows, let weight, let epsilon): try rmsNorm(rows, weight: weight, epsilon: epsilon)
        case .siluGated(let gateUp): try siluMultiply(gateUp)
        case .geluTanhGated(let gateUp): try geluTanhMultiply(gateUp)
        }
    }

    // MARK: Few rows

    /// Streams the weights once, each thread its share of the outputs.
    private func multiplyRows(_ arguments: docent_linear) {
        let outputs = Int(arguments.outputs)
        // Outside of the parts, each of which would copy the whole table of kernels.
        let multiplyRows = kernels.multiply_rows
        withUnsafePointer(to: arguments) { arguments in
            pool.run(over: outputs, step: 16, cost: outputs * Int(arguments.pointee.inputs)) { range, _ in
                multiplyRows?(arguments, Int64(range.lowerBound), Int64(range.upperBound))
            }
        }
    }

    /// Rows rounded to int8, computed in the same pass where they are normalised or gated.
    private func quantizedRows(
        of input: LinearInput, for type: docent_type
    ) throws -> (pointers: docent_quantized_rows, memory: Tensor) {
        let (rows, inputs) = (input.source.rows, input.width)
        let (valueBytes, blocks) = (2 * rows * inputs, rows * inputs / DType.q8.blockLength)
        let scaleBytes = blocks * MemoryLayout<Float>.size
        let memory = try makeTensor([valueBytes + 2 * scaleBytes], .u8)
        let pointers = docent_quantized_rows(
            values: memory.address,
            scales: (memory.address + valueBytes).assumingMemoryBound(to: Float.self),
            starts: (memory.address + valueBytes + scaleBytes).assumingMemoryBound(to: Int32.self))
        try withRows(of: input) { source in
            pool.run(over: rows, step: 1, cost: rows * inputs) { range, _ in
                kernels.quantize_rows(type, source, Int64(range.lowerBound), Int64(range.upperBound), pointers)
            }
        }
        return (pointers, memory)
    }

    /// `input` as the kernels that round it read it.
    func withRows(of input: LinearInput, _ body: (UnsafePointer<docent_rows>) -> Void) throws {
        var rows = docent_rows()
        rows.values = UnsafePointer(input.source.floats)
        rows.inputs = Int64(input.width)
        var normWeight: Tensor?
        switch input {
        case .rows: rows.form = docent_as_is
        case .siluGated: rows.form = docent_silu_gated
        case .geluTanhGated: rows.form = docent_gelu_tanh_gated
        case .rmsNormalized(_, let weight, let epsilon):
            precondition(weight.count == input.width, "norm of \(weight.count) for rows of \(input.width)")
            normWeight = try widened(weight)
            rows.form = docent_rms_normalized
            rows.weight = normWeight.map { UnsafePointer($0.floats) }
            rows.epsilon = epsilon
        }
        body(&rows)
        withExtendedLifetime((input, normWeight)) {}
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
        case .quickGELU: docent_quick_gelu
        }
    }
}
