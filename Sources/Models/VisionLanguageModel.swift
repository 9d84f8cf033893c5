public import Compute

/// The arrays-to-logits half of a model family. Used from the thread of its backend only.
public protocol VisionLanguageModel: Sendable {
    var shape: ModelShape { get }

    /// Starts to encode `image`, without doing much of it yet. A model without a vision tower needs none of its own.
    func beginEncoding(_ image: ProcessedImage) throws -> any ImageEncoding

    /// Runs one step for every sequence of `batch`, extends `cache`, and returns the logits of the rows that were
    /// asked for: f32 [batch.logitRows.count, vocabulary].
    func forward(_ batch: ForwardBatch, cache: KVCache) throws -> Tensor

    /// Bytes of weights that every step reads, however few rows it has: over the memory's bandwidth they bound the speed
    /// of decoding. Nil when not known.
    var stepWeightBytes: Int? { get }
}

extension VisionLanguageModel {
    public var stepWeightBytes: Int? { nil }
}

/// What the engine must know of a model to plan for it.
public struct ModelShape: Sendable, Equatable {
    public var vocabulary: Int
    public var layers: Int
    public var kvHeads: Int
    public var headSize: Int
    /// Longest sequence, prompt and answer together, in tokens.
    public var contextLength: Int
    /// Whether the tokens of a picture see each other: then one step must have all that are not in the cache yet, and those
    /// in the cache must come of a step that had them all.
    public var seesImagesWhole: Bool

    public init(
        vocabulary: Int, layers: Int, kvHeads: Int, headSize: Int, contextLength: Int, seesImagesWhole: Bool = false
    ) {
        self.vocabulary = vocabulary
        self.layers = layers
        self.kvHeads = kvHeads
        self.headSize = headSize
        self.contextLength = contextLength
        self.seesImagesWhole = seesImagesWhole
    }
}

/// One step of many sequences, their tokens laid end to end.
public struct ForwardBatch: Sendable {
    /// Token of each row.
    public var tokens: [Int32]
    /// Position of each row in its own sequence, from 0.
    public var positions: [Int32]
    /// Rotary positions of all rows, where some sequence has pictures and the model turns by three (`Prompt.grid`); empty where
    /// rows turn by `positions`.
    public var gridPositions: [GridPosition] = []
    /// Rows whose embedding is replaced by image features.
    public var features: [FeatureRows]
    /// Sequences of the rows and their pages.
    public var layout: BatchLayout
    /// Rows whose logits are wanted.
    public var logitRows: [Int32]

    public init(
        tokens: [Int32], positions: [Int32], features: [FeatureRows] = [], layout: BatchLayout, logitRows: [Int32]
    ) {
        self.tokens = tokens
        self.positions = positions
        self.features = features
        self.layout = layout
        self.logitRows = logitRows
    }
}

/// Image features that go into a batch: `features` [rows.count, width] replace the embeddings of `rows`.
///
/// A model may want more of them for its layers: then [rows.count, (1 + levels) × width], and the part of level k is added to
/// `rows` after layer k (DeepStack; Meng et al. 2024, arXiv:2406.04334).
public struct FeatureRows: Sendable {
    public var features: Tensor
    public var rows: [Int32]

    public init(features: Tensor, rows: [Int32]) {
        self.features = features
        self.rows = rows
    }
}
