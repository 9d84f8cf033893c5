/// A `BatchLayout` as a device reads it: checked and uploaded once for all layers of a step that see alike.
public struct PagedLayout: Sendable {
    public struct Sequence: Sendable {
        /// This step's rows of the batch, consecutive, oldest token first.
        public let rows: Range<Int>
        /// Tokens of the sequence in the cache after this step.
        public let contextLength: Int
        /// Where its pages start in `pages`.
        public let firstPage: Int
    }

    public let sequences: [Sequence]
    /// The pages of all sequences one after another, i32.
    public let pages: Tensor
    /// The tokens of its sequence that each row sees; nil where every row sees those up to its own.
    public let seen: SeenTokens?

    /// `shape`: that of the cache in which the pages lie; `mask`: what rows see.
    public init(
        _ layout: BatchLayout, of shape: KVCacheShape, mask: AttentionMask = AttentionMask(), on backend: any Backend
    ) throws {
        var firstPage = 0
        sequences = layout.sequences.map { sequence in
            precondition(
                sequence.rows.count <= sequence.contextLength,
                "\(sequence.rows.count) rows in a context of \(sequence.contextLength)")
            precondition(
                sequence.contextLength <= sequence.pages.count * shape.pageSize
                    && sequence.pages.allSatisfy { 0..<shape.pages ~= Int($0) },
                "pages \(sequence.pages) for \(sequence.contextLength) tokens")
            defer { firstPage += sequence.pages.count }
            return Sequence(rows: sequence.rows, contextLength: sequence.contextLength, firstPage: firstPage)
        }
        pages = try backend.upload(.integers(layout.sequences.flatMap(\.pages)))
        seen = try mask.seenTokens(in: sequences, on: backend)
    }
}

extension Tensor {
    /// A vector in host memory.
    static func integers(_ values: [Int32]) -> Tensor {
        let byteCount = DType.i32.byteCount(of: values.count)
        let tensor = Tensor(shape: [values.count], type: .i32, storage: .host(byteCount: byteCount))
        tensor.address.assumingMemoryBound(to: Int32.self).update(from: values, count: values.count)
        return tensor
    }
}
