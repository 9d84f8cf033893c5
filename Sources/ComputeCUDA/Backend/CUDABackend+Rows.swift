import CCUDA
public import Compute

extension CUDABackend {
    // MARK: Normalisation

    public func rmsNorm(_ input: Tensor, weight: Tensor, epsilon: Float) throws -> Tensor {
        try norm(.rmsNormRows, input, weight: weight, bias: nil, epsilon: epsilon, as: .f32)
    }

    public func layerNorm(_ input: Tensor, weight: Tensor, bias: Tensor, epsilon: Float) throws -> Tensor {
        try norm(.layerNormRows, input, weight: weight, bias: bias, epsilon: epsilon, as: .f32)
    }

    /// `type`: f32, or bf16 for a product alone.
    func norm(
        _ kernel: Kernel, _ input: Tensor, weight: Tensor, bias: Tensor?, epsilon: Float, as type: DType
    ) throws -> Tensor {
        precondition(input.type == .f32 && weight.type == .f32, "a norm of \(input.type) by \(weight.type)")
        precondition(weight.count == input.width, "norm of \(weight.count) for rows of \(input.width)")
        precondition(bias.map { $0.type == .f32 && $0.count == input.width } ?? true, "bias for rows of \(input.width)")
        let output = try makeTensor(input.shape, type)
        let arguments = norm_rows_arguments(
            input: input.deviceAddress, weight: weight.deviceAddress, bias: bias?.deviceAddress ?? 0,
            output: output.deviceAddress, rows: Int32(input.rows), width: Int32(input.width),
            outputType: output.kernelType, epsilon: epsilon)
        try launch(kernel, rows: input.rows, width: input.width, arguments)
        return output
    }

    public func rmsNormHeads(of input: Tensor, columns: Range<Int>, weight: Tensor, epsilon: Float) throws {
        precondition(input.type == .f32 && weight.type == .f32, "a norm of \(input.type) by \(weight.type)")
        precondition(
            columns.upperBound <= input.width && columns.count.isMultiple(of: weight.count), "heads in \(columns)")
        let heads = columns.count / weight.count
        let arguments = norm_heads_arguments(
            rowsAddress: input.deviceAddress, weight: weight.deviceAddress, rows: Int32(input.rows),
            stride: Int32(input.width), firstColumn: Int32(columns.lowerBound), heads: Int32(heads),
            headSize: Int32(weight.count), epsilon: epsilon)
        try device.launch(.rmsNormHeads, grid: (input.rows, heads, 1), threads: 32, arguments)
    }

    public func rotateHeads(of input: Tensor, columns: Range<Int>, by angles: RotaryAngles) throws {
        let headSize = 2 * angles.cosines.width
        precondition(input.type == .f32, "turning \(input.type)")
        precondition(columns.upperBound <= input.width && columns.count.isMultiple(of: headSize), "heads in \(columns)")
        precondition(angles.cosines.rows == input.rows, "angles of \(angles.cosines.rows) rows for \(input.rows)")
        let heads = columns.count / headSize
        let arguments = rotate_heads_arguments(
            rowsAddress: input.deviceAddress, cosines: angles.cosines.deviceAddress, sines: angles.sines.deviceAddress,
            rows: Int32(input.rows), stride: Int32(input.width), firstColumn: Int32(columns.lowerBound),
            heads: Int32(heads), headSize: Int32(headSize))
        try device.launch(.rotateHeads, grid: (input.rows, heads, 1), threads: 32, arguments)
    }

    // MARK: Moving rows

    public func scale(_ target: Tensor, by factor: Float) throws {
        precondition(target.type == .f32, "scaling \(target.type)")
        let arguments = scale_values_arguments(
            target: target.deviceAddress, count: UInt64(target.count), factor: factor)
        try launch(.scaleValues, values: target.count, arguments)
    }

    public func embed(_ ids: [Int32], table: Tensor) throws -> Tensor {
        precondition(ids.allSatisfy { 0..<table.rows ~= Int($0) }, "tokens \(ids) of \(table.rows)")
        let output = try makeTensor([ids.count, table.width], .f32)
        let places = try upload(ids)
        let arguments = embed_rows_arguments(
            ids: places.deviceAddress, table: table.deviceAddress, output: output.deviceAddress,
            rows: Int32(ids.count), width: Int32(table.width), tableType: table.kernelType)
        try launch(.embedRows, values: output.count, arguments)
        return output
    }

    public func gather(_ indices: [Int32], of input: Tensor) throws -> Tensor {
        precondition(input.type == .f32, "gathering \(input.type)")
        precondition(indices.allSatisfy { 0..<input.rows ~= Int($0) }, "rows \(indices) of \(input.rows)")
        let output = try makeTensor([indices.count, input.width], .f32)
        let places = try upload(indices)
        let arguments = gather_rows_arguments(
            indices: places.deviceAddress, input: input.deviceAddress, output: output.deviceAddress,
            rows: Int32(indices.count), width: Int32(input.width))
        try launch(.gatherRows, values: output.count, arguments)
        return output
    }

    public func scatter(_ source: Tensor, into target: Tensor, at indices: [Int32]) throws {
        try scatter(source, target, indices, adds: false)
    }

    public func scatterAdd(_ source: Tensor, to target: Tensor, at indices: [Int32]) throws {
        try scatter(source, target, indices, adds: true)
    }

    private func scatter(_ source: Tensor, _ target: Tensor, _ indices: [Int32], adds: Bool) throws {
        precondition(source.type == .f32 && target.type == .f32, "scattering \(source.type) to \(target.type)")
        precondition(source.width == target.width && source.rows == indices.count, "scatter of \(source.shape)")
        precondition(indices.allSatisfy { 0..<target.rows ~= Int($0) }, "rows \(indices) of \(target.rows)")
        let places = try upload(indices)
        let arguments = scatter_rows_arguments(
            indices: places.deviceAddress, source: source.deviceAddress, target: target.deviceAddress,
            rows: Int32(indices.count), width: Int32(source.width), adds: adds ? 1 : 0)
        try launch(.scatterRows, values: source.count, arguments)
    }

    public func addRows(of table: Tensor, to target: Tensor) throws {
        precondition(target.type == .f32, "adding to \(target.type)")
        precondition(table.width == target.width && table.rows > 0, "rows of \(table.shape) for \(target.shape)")
        let arguments = add_rows_arguments(
            table: table.deviceAddress, target: target.deviceAddress, rows: Int32(target.rows),
            width: Int32(target.width), tableRows: Int32(table.rows), tableType: table.kernelType)
        try launch(.addRows, values: target.count, arguments)
    }

    // MARK: Pictures

    public func patches(of frames: Tensor, size: Int) throws -> Tensor {
        precondition(frames.shape.count == 4 && frames.type == .f32, "frames of shape \(frames.shape)")
        let (channels, height, width) = (frames.shape[1], frames.shape[2], frames.shape[3])
        precondition(size > 0 && height.isMultiple(of: size) && width.isMultiple(of: size), "patches of \(size)")
        let patches = frames.shape[0] * (height / size) * (width / size)
        let output = try makeTensor([patches, channels * size * size], .f32)
        let arguments = cut_patches_arguments(
            frames: frames.deviceAddress, output: output.deviceAddress, count: UInt64(output.count),
            channels: Int32(channels), height: Int32(height), width: Int32(width), size: Int32(size))
        try launch(.cutPatches, values: output.count, arguments)
        return output
    }

    public func pixelShuffle(_ input: Tensor, grid: Int, factor: Int) throws -> Tensor {
        precondition(input.type == .f32, "folding \(input.type)")
        precondition(factor > 0 && grid.isMultiple(of: factor), "a grid of \(grid) folded by \(factor)")
        precondition(input.rows.isMultiple(of: grid * grid), "\(input.rows) rows are not frames of \(grid)²")
        let output = try makeTensor([input.rows / (factor * factor), input.width * factor * factor], .f32)
        let arguments = fold_pixels_arguments(
            input: input.deviceAddress, output: output.deviceAddress, count: UInt64(output.count), grid: Int32(grid),
            factor: Int32(factor), width: Int32(input.width))
        try launch(.foldPixels, values: output.count, arguments)
        return output
    }
}
