public import Compute
public import Models

/// How much an engine does at once, and the memory it may use for it.
public struct EngineConfiguration: Sendable, Hashable {
    /// Memory for keys and values, given either way.
    public enum KVCacheSize: Sendable, Hashable {
        case tokens(Int)
        case bytes(Int)
    }

    /// Sequences that run at the same time.
    public var maxSequences = 32
    /// Tokens of one step, decodes and chunks of prompts together; greater than `maxSequences`. Whoever arrives waits for the
    /// step under way: by default about as long as the newcomer's own prompt, one picture and a question, takes.
    public var maxBatchTokens = 160
    /// Longest prompt and answer together, if shorter than the model's context; nil for all of that.
    public var maxSequenceTokens: Int?
    /// Tokens of one page of the KV cache.
    public var pageSize = 16
    /// Never more is taken than `maxSequences` sequences of the longest length can fill.
    public var kvCache = KVCacheSize.bytes(1 << 30)
    /// Bytes of image features that are kept for reuse.
    public var imageCacheBytes = 256 << 20
    /// Requests that may wait beyond the `maxSequences` that run, counted for a priority and those above it.
    public var maxWaiting = 1024

    public init() {}

    /// The cache that this configuration means for a model of `model`'s shape.
    public func kvCacheShape(for model: ModelShape) throws -> KVCacheShape {
        try check()
        let tokenBytes = 2 * model.layers * model.kvHeads * model.headSize * DType.f32.blockByteCount
        let wanted =
            switch kvCache {
            case .tokens(let tokens): tokens
            case .bytes(let bytes): bytes / tokenBytes
            }
        let longest = (min(model.contextLength, maxSequenceTokens ?? .max) + pageSize - 1) / pageSize
        let pages = min(wanted / pageSize, maxSequences * longest)
        guard pages > 0 else {
            throw EngineError.invalidConfiguration(
                reason: "a KV cache of \(wanted) tokens is less than one page of \(pageSize) tokens")
        }
        return KVCacheShape(
            layers: model.layers, kvHeads: model.kvHeads, headSize: model.headSize, pages: pages, pageSize: pageSize)
    }

    private func check() throws {
        func require(_ condition: Bool, _ reason: String) throws {
            if !condition { throw EngineError.invalidConfiguration(reason: reason) }
        }
        try require(maxSequences > 0, "maxSequences is \(maxSequences), it must be at least 1")
        try require(pageSize > 0, "pageSize is \(pageSize), it must be at least 1")
        try require(maxSequenceTokens ?? 1 > 0, "maxSequenceTokens is \(maxSequenceTokens ?? 1), it must be at least 1")
        try require(maxWaiting >= 0, "maxWaiting is \(maxWaiting), it must not be negative")
        try require(imageCacheBytes >= 0, "imageCacheBytes is \(imageCacheBytes), it must not be negative")
        try require(
            maxBatchTokens > maxSequences,
            "maxBatchTokens is \(maxBatchTokens), it must exceed the \(maxSequences) tokens of a full batch of decodes")
    }
}
