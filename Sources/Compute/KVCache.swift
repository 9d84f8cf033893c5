/// The sizes of a paged key/value cache.
public struct KVCacheShape: Sendable, Equatable {
    public var layers: Int
    public var kvHeads: Int
    public var headSize: Int
    /// Pages in all; every layer has its own memory for each.
    public var pages: Int
    /// Tokens a page holds.
    public var pageSize: Int

    public init(layers: Int, kvHeads: Int, headSize: Int, pages: Int, pageSize: Int) {
        self.layers = layers
        self.kvHeads = kvHeads
        self.headSize = headSize
        self.pages = pages
        self.pageSize = pageSize
    }

    /// Tokens that all pages together hold.
    public var capacity: Int { pages * pageSize }
}

/// Keys and values of every sequence in flight, in pages of fixed size (Kwon et al. 2023, arXiv:2309.06180).
///
/// `keys[layer]` and `values[layer]` are [pages, kvHeads, pageSize, headSize]; which page belongs to whom is the
/// scheduler's business, not the cache's.
public final class KVCache: Sendable {
    public let shape: KVCacheShape
    public let keys: [Tensor]
    public let values: [Tensor]

    public init(shape: KVCacheShape, keys: [Tensor], values: [Tensor]) {
        self.shape = shape
        self.keys = keys
        self.values = values
    }
}

/// Which rows of a batch belong to which sequence, and where each sequence's keys and values lie.
public struct BatchLayout: Sendable {
    public struct Sequence: Sendable {
        /// This step's rows of the batch, consecutive, oldest token first.
        public var rows: Range<Int>
        /// Tokens of the sequence in the cache after this step; the last `rows.count` of them are this step's.
        public var contextLength: Int
        /// Pages that hold tokens 0 ..< contextLength in order: token t lies in `pages[t / pageSize]`.
        public var pages: [Int32]

        public init(rows: Range<Int>, contextLength: Int, pages: [Int32]) {
            self.rows = rows
            self.contextLength = contextLength
            self.pages = pages
        }
    }

    public var sequences: [Sequence]

    public init(sequences: [Sequence]) { self.sequences = sequences }
}
