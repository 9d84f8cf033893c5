/// A `BatchLayout` as a device reads it: checked and uploaded once for all layers of a step.
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

    /// `shape`: that of the cache in which the pages lie.
    public init(_ layout: BatchLayout, of shape: KVCacheShape, on backend: any Backend) throws {
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
        let byteCount = DType.i32.byteCount(of: firstPage)
        let host = Tensor(shape: [firstPage], type: .i32, storage: .host(byteCount: byteCount))
        var next = host.address.assumingMemoryBound(to: Int32.self)
        for sequence in layout.sequences {
            next.update(from: sequence.pages, count: sequence.pages.count)
            next += sequence.pages.count
        }
        pages = try backend.upload(host)
    }
}
