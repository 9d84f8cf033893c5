extension CPUBackend {
    public func patches(of frames: Tensor, size: Int) throws -> Tensor {
        precondition(frames.shape.count == 4, "frames of shape \(frames.shape)")
        let (channels, height, width) = (frames.shape[1], frames.shape[2], frames.shape[3])
        precondition(size > 0 && height.isMultiple(of: size) && width.isMultiple(of: size), "patches of \(size)")
        let (down, across) = (height / size, width / size)
        let output = try makeTensor([frames.shape[0] * down * across, channels * size * size], .f32)
        let source = frames.floats
        pool.run(over: output.rows, step: 1, cost: output.count) { patches, _ in
            for patch in patches {
                let (frame, y, x) = (patch / (down * across), patch / across % down, patch % across)
                let to = output.row(patch)
                for line in 0..<channels * size {
                    let (channel, dy) = (line / size, line % size)
                    let from = ((frame * channels + channel) * height + y * size + dy) * width + x * size
                    (to + line * size).update(from: source + from, count: size)
                }
            }
        }
        return output
    }

    public func pixelShuffle(_ input: Tensor, grid: Int, factor: Int) throws -> Tensor {
        precondition(factor > 0 && grid.isMultiple(of: factor), "a grid of \(grid) folded by \(factor)")
        precondition(input.rows.isMultiple(of: grid * grid), "\(input.rows) rows are not frames of \(grid)²")
        let side = grid / factor
        let output = try makeTensor([input.rows / (factor * factor), input.width * factor * factor], .f32)
        // The cells of one line of a fold are neighbours: one copy for each.
        let run = factor * input.width
        for row in 0..<output.rows {
            let (frame, y, x) = (row / (side * side), row / side % side, row % side)
            for dy in 0..<factor {
                let from = (frame * grid + y * factor + dy) * grid + x * factor
                (output.row(row) + dy * run).update(from: input.row(from), count: run)
            }
        }
        return output
    }
}
