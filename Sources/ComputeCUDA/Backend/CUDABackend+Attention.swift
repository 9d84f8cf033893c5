import CCUDA
public import Compute

extension CUDABackend {
    public func attention(_ qkv: Tensor, heads: Int, segments: [Int], queries: Range<Int>) throws -> Tensor {
        precondition(qkv.type == .f32, "attention over \(qkv.type)")
        precondition(heads > 0 && qkv.width.isMultiple(of: 3 * heads), "\(heads) heads in rows of \(qkv.width)")
        precondition(segments.reduce(0, +) == qkv.rows, "segments \(segments) of \(qkv.rows) rows")
        precondition(queries.clamped(to: 0..<qkv.rows) == queries, "queries \(queries) of \(qkv.rows) rows")
        let headSize = qkv.width / 3 / heads
        let output = try makeTensor([queries.count, qkv.width / 3], .f32)
        var tiles: [Int32] = []
        var first = 0
        for segment in segments {
            let wanted = queries.clamped(to: first..<first + segment)
            for start in stride(from: wanted.lowerBound, to: wanted.upperBound, by: Int(KERNEL_QUERY_TILE)) {
                let count = min(Int(KERNEL_QUERY_TILE), wanted.upperBound - start)
                tiles += [Int32(start), Int32(count), Int32(first), Int32(first + segment)]
            }
            first += segment
        }
        guard !tiles.isEmpty else { return output }
        let table = try upload(tiles)
        let arguments = attend_segments_arguments(
            rowsAddress: qkv.deviceAddress, tiles: table.deviceAddress, output: output.deviceAddress,
            firstQuery: Int32(queries.lowerBound), heads: Int32(heads), headSize: Int32(headSize),
            scale: 1 / Float(headSize).squareRoot())
        try device.launch(
            .attendSegments, grid: (tiles.count / 4, heads, 1), threads: 128,
            sharedBytes: Self.tileBytes(headSize: headSize), arguments)
        return output
    }

    /// Queries, keys, values and results of a tile, and its scores: see `AttentionTile` in attention.cu.
    private static func tileBytes(headSize: Int) -> Int {
        let size = Int(KERNEL_QUERY_TILE)
        return 4 * (4 * size * (headSize + 1) + size * (size + 1))
    }

    public func pagedAttention(
        _ qkv: Tensor, angles: RotaryAngles?, cache: KVCache, layer: Int, heads: Int, layout: PagedLayout
    ) throws -> Tensor {
        let shape = cache.shape
        let headSize = shape.headSize
        precondition(qkv.type == .f32, "attention over \(qkv.type)")
        precondition(heads.isMultiple(of: shape.kvHeads), "\(heads) heads share \(shape.kvHeads) key heads")
        precondition(
            qkv.width == (heads + 2 * shape.kvHeads) * headSize && headSize.isMultiple(of: 2),
            "qkv rows of \(qkv.width) for \(heads) heads")
        precondition(
            angles.map { $0.cosines.rows == qkv.rows && 2 * $0.cosines.width == headSize } ?? true,
            "angles for \(qkv.rows) rows")
        let tables = try tables.tables(of: layout, rows: qkv.rows, on: self)
        let queries = try makeTensor([qkv.rows, heads * headSize], .f32)
        let output = try makeTensor([qkv.rows, heads * headSize], .f32)
        let places = cache_places(
            keys: cache.keys[layer].deviceAddress, values: cache.values[layer].deviceAddress,
            kvHeads: Int32(shape.kvHeads), headSize: Int32(headSize), pageSize: Int32(shape.pageSize),
            cacheType: cache.keys[layer].kernelType)
        let storing = store_step_arguments(
            step: tables.places, cache: places, rowsAddress: qkv.deviceAddress,
            cosines: angles?.cosines.deviceAddress ?? 0, sines: angles?.sines.deviceAddress ?? 0,
            queries: queries.deviceAddress, rows: Int32(qkv.rows), heads: Int32(heads))
        try device.launch(.storeStep, grid: (qkv.rows, heads + shape.kvHeads, 1), threads: 32, storing)
        try attendTiles(tables, places, queries, heads, output)
        try attendSingles(tables, places, queries, heads, output)
        return output
    }

    private func attendTiles(
        _ tables: StepTables, _ cache: cache_places, _ queries: Tensor, _ heads: Int, _ output: Tensor
    ) throws {
        let headSize = Int(cache.headSize)
        let arguments = attend_pages_arguments(
            step: tables.places, cache: cache, queries: queries.deviceAddress, tiles: tables.tiles,
            output: output.deviceAddress, heads: Int32(heads), scale: 1 / Float(headSize).squareRoot())
        try device.launch(
            .attendPages, grid: (tables.tileCount, heads, 1), threads: 128,
            sharedBytes: Self.tileBytes(headSize: headSize), arguments)
    }

    private func attendSingles(
        _ tables: StepTables, _ cache: cache_places, _ queries: Tensor, _ heads: Int, _ output: Tensor
    ) throws {
        guard tables.singleCount > 0 else { return }
        let (headSize, kvHeads) = (Int(cache.headSize), Int(cache.kvHeads))
        let partials = try makeTensor([tables.singleCount * tables.runs * heads, headSize + 2], .f32)
        let arguments = attend_runs_arguments(
            step: tables.places, cache: cache, queries: queries.deviceAddress, singles: tables.singles,
            partials: partials.deviceAddress, output: output.deviceAddress, heads: Int32(heads),
            singleCount: Int32(tables.singleCount), runs: Int32(tables.runs), scale: 1 / Float(headSize).squareRoot())
        try device.launch(
            .attendRuns, grid: (tables.runs, tables.singleCount, kvHeads), threads: 128,
            sharedBytes: 4 * heads / kvHeads * (headSize + Int(KERNEL_RUN_TOKENS)), arguments)
        try device.launch(.joinRuns, grid: (tables.singleCount, heads, 1), threads: 64, arguments)
    }
}
