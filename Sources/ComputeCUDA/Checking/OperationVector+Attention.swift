import Compute

extension OperationVector {
    static let attentions: [OperationVector] = segments + paged

    private static let segments: [OperationVector] = [(3, 64, [5]), (2, 12, [33, 70]), (1, 72, [1, 64])].map {
        heads, headSize, segments in
        OperationVector("attention \(heads) × \(headSize) over \(segments)", tolerance: 1e-4) { backend, numbers in
            let rows = segments.reduce(0, +)
            let qkv = try numbers.tensor([rows, 3 * heads * headSize])
            return [
                try backend.attention(qkv, heads: heads, segments: segments),
                try backend.attention(qkv, heads: heads, segments: segments, queries: rows / 2..<rows),
            ]
        }
    }

    /// Prompts, chunks of prompts and single rows together, in pages out of order, and again with other rows; the last contexts
    /// are longer than a run of tokens.
    private static let paged: [OperationVector] = [
        OperationVector("pagedAttention", tolerance: 1e-4, fillsCache: true) { backend, numbers in
            try steps(backend, &numbers, mask: AttentionMask(), turns: true)
        },
        OperationVector("pagedAttention without angles", tolerance: 1e-4) { backend, numbers in
            try steps(backend, &numbers, mask: AttentionMask(), turns: false)
        },
        OperationVector("pagedAttention in a window", tolerance: 1e-4, fillsCache: true) { backend, numbers in
            try steps(backend, &numbers, mask: AttentionMask(window: 50), turns: true)
        },
        OperationVector("pagedAttention with rows that see each other", tolerance: 1e-4, fillsCache: true) {
            backend, numbers in
            try steps(backend, &numbers, mask: AttentionMask(spans: [3..<20]), turns: true)
        },
    ]

    private static func steps(
        _ backend: any Backend, _ numbers: inout CheckNumbers, mask: AttentionMask, turns: Bool
    ) throws -> [Tensor] {
        let (heads, kvHeads, headSize, pageSize) = (6, 2, 16, 16)
        let shape = KVCacheShape(layers: 2, kvHeads: kvHeads, headSize: headSize, pages: 48, pageSize: pageSize)
        let cache = try backend.makeKVCache(shape)
        // Two sequences; the first has the even pages from the back, the second the odd ones.
        let pages = [stride(from: 46, through: 0, by: -2), stride(from: 1, through: 47, by: 2)].map {
            $0.map(Int32.init)
        }
        let lengths = [(40, 1), (1, 280), (1, 1), (33, 1)]
        var contexts = [0, 0]
        var results: [Tensor] = []
        for (first, second) in lengths {
            contexts = [contexts[0] + first, contexts[1] + second]
            let rows = first + second
            let layout = BatchLayout(sequences: [
                .init(rows: 0..<first, contextLength: contexts[0], pages: pages[0]),
                .init(rows: first..<rows, contextLength: contexts[1], pages: pages[1]),
            ])
            // Spans are rows of one sequence: they hold in steps in which the first has them.
            var seen = mask
            seen.spans = mask.spans.filter { $0.upperBound <= first }
            let paged = try PagedLayout(layout, of: shape, mask: seen, on: backend)
            let angles = turns ? try numbers.angles(rows, headSize / 2) : nil
            for layer in 0..<2 {
                let qkv = try numbers.tensor([rows, (heads + 2 * kvHeads) * headSize])
                results.append(
                    try backend.pagedAttention(
                        qkv, angles: angles, cache: cache, layer: layer, heads: heads, layout: paged))
            }
        }
        return results
    }
}
