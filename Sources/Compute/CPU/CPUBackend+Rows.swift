import CKernels

extension CPUBackend {
    // MARK: Normalisation and activation

    public func rmsNorm(_ input: Tensor, weight: Tensor, epsilon: Float) throws -> Tensor {
        precondition(weight.count == input.width, "norm of \(weight.count) for rows of \(input.width)")
        let output = try makeTensor(input.shape, .f32)
        let weight = try widened(weight)
        forRows(of: input) { rows in
            kernels.rms_norm(
                input.row(rows.lowerBound), weight.floats, epsilon, Int64(rows.count), Int64(input.width),
                output.row(rows.lowerBound))
        }
        return output
    }

    public func layerNorm(_ input: Tensor, weight: Tensor, bias: Tensor, epsilon: Float) throws -> Tensor {
        precondition(weight.count == input.width && bias.count == input.width, "norm for rows of \(input.width)")
        let output = try makeTensor(input.shape, .f32)
        let weight = try widened(weight)
        let bias = try widened(bias)
        forRows(of: input) { rows in
            kernels.layer_norm(
                input.row(rows.lowerBound), weight.floats, bias.floats, epsilon, Int64(rows.count),
                Int64(input.width), output.row(rows.lowerBound))
        }
        return output
    }

    public func rmsNormHeads(of input: Tensor, columns: Range<Int>, weight: Tensor, epsilon: Float) throws {
        precondition(
            columns.upperBound <= input.width && columns.count.isMultiple(of: weight.count), "heads in \(columns)")
        let weight = try widened(weight)
        pool.run(over: input.rows, step: 1, cost: input.rows * columns.count) { rows, _ in
            for row in rows {
                let part = input.row(row) + columns.lowerBound
                kernels.rms_norm(
                    part, weight.floats, epsilon, Int64(columns.count / weight.count), Int64(weight.count), part)
            }
        }
    }

    /// `silu(gate) · up`, where each row of `gateUp` holds the gates first: [rows, 2 × width] → [rows, width].
    func siluMultiply(_ gateUp: Tensor) throws -> Tensor { try multiply(gateUp, docent_silu_gated) }

    /// `gelu_tanh(gate) · up`, likewise.
    func geluTanhMultiply(_ gateUp: Tensor) throws -> Tensor { try multiply(gateUp, docent_gelu_tanh_gated) }

    private func multiply(_ gateUp: Tensor, _ form: docent_form) throws -> Tensor {
        precondition(gateUp.width.isMultiple(of: 2), "gate and up of \(gateUp.width) are not equal")
        let output = try makeTensor([gateUp.rows, gateUp.width / 2], .f32)
        forRows(of: gateUp) { rows in
            kernels.multiply_gated(
                form, gateUp.row(rows.lowerBound), Int64(rows.count), Int64(output.width),
                output.row(rows.lowerBound))
        }
        return output
    }

    /// Rows in parallel where there is enough to do.
    private func forRows(of input: Tensor, _ body: (Range<Int>) -> Void) {
        pool.run(over: input.rows, step: 1, cost: input.count) { rows, _ in body(rows) }
    }

    // MARK: Moving rows

    public func embed(_ ids: [Int32], table: Tensor) throws -> Tensor {
        let output = try makeTensor([ids.count, table.width], .f32)
        for (row, id) in ids.enumerated() {
            precondition(0..<table.rows ~= Int(id), "token \(id) of \(table.rows)")
            if table.type.isQuantized {
                docent_quantized_row(table.kernelType, table.address, Int64(id), Int64(table.width), output.row(row))
            } else {
                widen(table.rows(Int(id)..<Int(id) + 1), into: output.row(row))
            }
        }
        return output
    }

    public func gather(_ indices: [Int32], of input: Tensor) throws -> Tensor {
        let output = try makeTensor([indices.count, input.width], .f32)
        for (row, index) in indices.enumerated() {
            precondition(0..<input.rows ~= Int(index), "row \(index) of \(input.rows)")
            output.row(row).update(from: input.row(Int(index)), count: input.width)
        }
        return output
    }

    public func scatter(_ source: Tensor, into target: Tensor, at indices: [Int32]) throws {
        precondition(source.width == target.width && source.rows == indices.count, "scatter of \(source.shape)")
        for (row, index) in indices.enumerated() {
            precondition(0..<target.rows ~= Int(index), "row \(index) of \(target.rows)")
            target.row(Int(index)).update(from: source.row(row), count: source.width)
        }
    }

    public func scatterAdd(_ source: Tensor, to target: Tensor, at indices: [Int32]) throws {
        precondition(source.width == target.width && source.rows == indices.count, "scatter of \(source.shape)")
        for (row, index) in indices.enumerated() {
            precondition(0..<target.rows ~= Int(index), "row \(index) of \(target.rows)")
            kernels.add(source.row(row), Int64(source.width), target.row(Int(index)))
        }
    }

    public func scale(_ target: Tensor, by factor: Float) throws {
        forRows(of: target) { rows in
            let values = target.row(rows.lowerBound)
            for index in 0..<rows.count * target.width { values[index] *= factor }
        }
    }

    public func addRows(of table: Tensor, to target: Tensor) throws {
        precondition(table.width == target.width && table.rows > 0, "rows of \(table.shape) for \(target.shape)")
        let table = try widened(table)
        pool.run(over: target.rows, step: 1, cost: target.count) { rows, _ in
            for row in rows { kernels.add(table.row(row % table.rows), Int64(table.width), target.row(row)) }
        }
    }
}

extension Tensor {
    /// Where row `index` of an f32 matrix starts.
    func row(_ index: Int) -> UnsafeMutablePointer<Float> { floats + index * width }
}
