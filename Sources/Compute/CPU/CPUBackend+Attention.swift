import CKernels

extension CPUBackend {
    /// Rows that share one pass over the keys: enough to make repacking them cheap, few enough for the second-level
    /// cache. The result of a row does not depend on it.
    private static let rowsPerPart = 192

    public func attention(_ qkv: Tensor, heads: Int, segments: [Int]) throws -> Tensor {
        precondition(heads > 0 && qkv.width.isMultiple(of: 3 * heads), "\(heads) heads in rows of \(qkv.width)")
        precondition(segments.reduce(0, +) == qkv.rows, "segments \(segments) of \(qkv.rows) rows")
        let width = qkv.width / 3
        let headSize = width / heads
        let output = try makeTensor([qkv.rows, width], .f32)
        var parts: [docent_attention] = []
        var first = 0
        for segment in segments {
            for head in 0..<heads {
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
                for start in stride(from: 0, to: segment, by: Self.rowsPerPart) {
                    part.queries = UnsafePointer(qkv.row(first + start) + head * headSize)
                    part.output = output.row(first + start) + head * headSize
                    part.rows = Int64(min(Self.rowsPerPart, segment - start))
                    parts.append(part)
                }
            }
            first += segment
        }
        try attend(parts)
        withExtendedLifetime((qkv, output)) {}
        return output
    }

    /// Runs many-row parts, each thread with scratch for the largest.
    private func attend(_ parts: [docent_attention]) throws {
        guard !parts.isEmpty else { return }
        let need = parts.map { kernels.attend_scratch($0.rows, $0.group, $0.head_size) }.max() ?? 0
        let scratch = try makeTensor([pool.threads, Int(need)], .f32)
        parts.withUnsafeBufferPointer { parts in
            pool.run(parts: parts.count) { part, thread in
                kernels.attend(parts.baseAddress.map { $0 + part }, scratch.row(thread))
            }
        }
    }

    public func pagedAttention(
        _ qkv: Tensor, angles: RotaryAngles?, cache: KVCache, layer: Int, heads: Int, layout: PagedLayout
    ) throws -> Tensor {
        let step = try PagedStep(self, qkv, angles: angles, cache: cache, layer: layer, heads: heads, layout: layout)
        step.store()
        try attend(step.manyRows())
        try step.attendSingleRows()
        return step.output
    }
}
