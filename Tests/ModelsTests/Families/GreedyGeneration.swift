import Compute

@testable import Models

/// The likeliest token again and again: the plainest engine there is, for holding a model to its goldens.
struct GreedyGeneration {
    let model: any VisionLanguageModel
    let backend: any Backend
    /// Small, so that every sequence crosses pages.
    static let pageSize = 16

    private let cache: KVCache
    private let features: [FeatureRows]
    private let prompt: Prompt
    private let pages: [Int32]

    init(_ prompt: Prompt, length: Int, on model: any VisionLanguageModel, _ backend: any Backend) throws {
        let capacity = prompt.tokens.count + length
        let pageCount = (capacity + Self.pageSize - 1) / Self.pageSize
        cache = try backend.makeKVCache(
            KVCacheShape(
                layers: model.shape.layers, kvHeads: model.shape.kvHeads, headSize: model.shape.headSize,
                pages: pageCount, pageSize: Self.pageSize))
        // Not in order: a page table that is ignored must show.
        pages = (0..<Int32(pageCount)).reversed()
        features = try prompt.images.map {
            FeatureRows(features: try model.encode($0.image), rows: $0.positions.map(Int32.init))
        }
        self.prompt = prompt
        self.model = model
        self.backend = backend
    }

    /// Logits of the prompt's rows `rows`, [rows, vocabulary]; fills the cache.
    func prefill(logitRows rows: [Int32]) throws -> [Float] {
        let count = prompt.tokens.count
        let layout = BatchLayout(sequences: [.init(rows: 0..<count, contextLength: count, pages: pages)])
        var batch = ForwardBatch(
            tokens: prompt.tokens, positions: (0..<Int32(count)).map { $0 }, features: features, layout: layout,
            logitRows: rows)
        batch.gridPositions = gridPositions(of: 0..<count)
        return try backend.download(model.forward(batch, cache: cache))
    }

    private func gridPositions(of tokens: Range<Int>) -> [GridPosition] {
        prompt.grid.map { grid in tokens.map { grid[$0] } } ?? []
    }

    /// `count` tokens after the prompt, or fewer when one of `stops` comes, which is not given.
    func tokens(_ count: Int, stops: Set<Int32> = []) throws -> [Int32] {
        var logits = try prefill(logitRows: [Int32(prompt.tokens.count - 1)])
        var answer: [Int32] = []
        while let token = logits.indices.max(by: { logits[$0] < logits[$1] }), !stops.contains(Int32(token)) {
            answer.append(Int32(token))
            guard answer.count < count else { break }
            let length = prompt.tokens.count + answer.count
            let layout = BatchLayout(sequences: [.init(rows: 0..<1, contextLength: length, pages: pages)])
            var batch = ForwardBatch(
                tokens: [Int32(token)], positions: [Int32(length - 1)], layout: layout, logitRows: [0])
            batch.gridPositions = gridPositions(of: length - 1..<length)
            logits = try backend.download(model.forward(batch, cache: cache))
        }
        return answer
    }
}
