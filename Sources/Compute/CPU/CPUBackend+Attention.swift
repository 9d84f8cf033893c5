import CKernels

extension CPUBackend {
    /// Tiles of rows that share one packing of keys and values: enough to make it cheap, few enough for the
    /// second-level cache. The result of a row does not depend on it.
    private static let tilesPerPart = 11

    public func rotateHeads(of input: Tensor, columns: Range<Int>, by angles: RotaryAngles) throws {
        let headSize = 2 * angles.cosines.width
        precondition(columns.upperBound <= input.width && columns.count.isMultiple(of: headSize), "heads in \(columns)")
        precondition(angles.cosines.rows == input.rows, "angles of \(angles.cosines.rows) rows for \(input.rows)")
        pool.run(over: input.rows, step: 1, cost: input.rows * columns.count) { rows, _ in
            for row in rows {
                let part = input.row(row) + columns.lowerBound
                kernels.rotate(
                    part, angles.cosines.row(row), angles.sines.row(row), Int64(columns.count / headSize),
                    Int64(headSize), part)
            }
        }
    }

    public func attention(_ qkv: Tensor, heads: Int, segments: [Int], queries: Range<Int>) throws -> Tensor {
        precondition(heads > 0 && qkv.width.isMultiple(of: 3 * heads), "\(heads) heads in rows of \(qkv.width)")
        precondition(segments.reduce(0, +) == qkv.rows, "segments \(segments) of \(qkv.rows) rows")
        precondition(queries.clamped(to: 0..<qkv.rows) == queries, "queries \(queries) of \(qkv.rows) rows")
        let width = qkv.width / 3
        let headSize = width / heads
        let output = try makeTensor([queries.count, width], .f32)
        var parts: [docent_attention] = []
        var first = 0
        for segment in segments {
            let wanted = queries.clamped(to: first..<first + segment)
            for head in 0..<heads where !wanted.isEmpty {
                var part = docent_attention()
                part.keys = UnsafePointer(qkv.row(first) + width + head * headSize)
                part.values = UnsafePointer(qkv.row(first) + 2 * width + head * headSize)
                part.group = 1
                part.head_size = Int64(headSize)
                part.query_stride = Int64(qkv.width)
                part.output_stride = Int64(width)
                part.token_stride = Int64(qkv.width)
                part.tokens = Int64(segment)
                part.scale = 1 / Float(headSize).squareRoot()
                for rows in rowsOfParts(wanted.count) {
                    let row = wanted.lowerBound + rows.lowerBound
                    part.queries = UnsafePointer(qkv.row(row) + head * headSize)
                    part.output = output.row(row - queries.lowerBound) + head * headSize
                    part.rows = Int64(rows.count)
                    parts.append(part)
                }
            }
            first += segment
        }
        let need = parts.map { kernels.attend_full_scratch($0.rows, $0.head_size) }.max() ?? 0
        try run(parts, scratch: need, kernels.attend_full)
        withExtendedLifetime((qkv, output)) {}
        return output
    }

    /// `rows` rows in parts of nearly equal numbers of whole tiles.
    private func rowsOfParts(_ rows: Int) -> [Range<Int>] {
        let tile = Int(kernels.full_tile)
        let tiles = (rows + tile - 1) / tile
        let parts = (tiles + Self.tilesPerPart - 1) / Self.tilesPerPart
        return (0..<parts).map { $0 * tiles / parts * tile..<min(rows, ($0 + 1) * tiles / parts * tile) }
    }

    /// Runs many-row parts, each thread with `need` floats of scratch.
    private func run(
        _ parts: [docent_attention], scratch need: Int64,
        _ attend: @convention(c) (UnsafePointer<docent_attention>?, UnsafeMutablePointer<Float>?) -> Void
    ) throws {
        guard !parts.isEmpty else { return }
        let scratch = try makeTensor([pool.threads, Int(need)], .f32)
        parts.withUnsafeBufferPointer { parts in
            pool.run(parts: parts.count) { part, thread in
                attend(parts.baseAddress.map { $0 + part }, scratch.row(thread))
            }
        }
    }

    public func pagedAttention(
        _ qkv: Tensor, angles: RotaryAngles?, cache: KVCache, layer: Int, heads: Int, layout: PagedLayout
    ) throws -> Tensor {
        let step = try PagedStep(self, qkv, angles: angles, cache: cache, layer: layer, heads: heads, layout: layout)
        step.store()
        let parts = step.manyRows()
        let need = parts.map { kernels.attend_scratch($0.rows, $0.group, $0.head_size) }.max() ?? 0
        try run(parts, scratch: need, kernels.attend)
        try step.attendSingleRows()
        return step.output
    }
}
