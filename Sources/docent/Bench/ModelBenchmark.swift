import Compute
import Foundation
import Inference
import Models

/// Times one loaded model: its parts alone (prefill, decode, vision encode), then whole images through the engine.
struct ModelBenchmark {
    let model: LoadedModel
    let backend: any Backend
    let repetitions: Int

    private static let pageSize = 16

    private var prompts: BenchPrompts { BenchPrompts(model: model) }

    // MARK: Parts

    /// Tokens a second of a prompt of `length` text tokens in one piece, logits of the last wanted.
    func prefill(_ length: Int) throws -> BenchReport.Figure {
        let cache = try makeCache(sequences: 1, length: length)
        var figure = try rate("prefill, \(length) tokens", "tok/s", of: length) {
            let batch = step(sequences: 1, from: 0, count: length, of: length)
            _ = try backend.download(model.model.forward(batch, cache: cache))
        }
        figure.cacheBytes = Self.byteCount(of: cache.shape)
        return figure
    }

    /// Tokens a second of all sequences together, each of `batch` growing by `steps` tokens from `context`.
    ///
    /// `bandwidth`: bytes a second that the memory gives, for the bound that it sets.
    func decode(
        batch: Int, context: Int = 164, steps: Int = 64, bandwidth: Double? = nil
    ) throws -> BenchReport.Figure {
        let length = context + steps
        let cache = try makeCache(sequences: batch, length: length)
        // In chunks of no more rows than the engine puts into a step, whose activations count as memory here.
        let chunk = max(1, EngineConfiguration().maxBatchTokens / batch)
        for start in stride(from: 0, to: context, by: chunk) {
            let count = min(chunk, context - start)
            _ = try model.model.forward(step(sequences: batch, from: start, count: count, of: length), cache: cache)
        }
        var figure = try rate("decode, batch \(batch), at \(context) tokens", "tok/s", of: batch * steps) {
            for position in context..<length {
                let batch = step(sequences: batch, from: position, count: 1, of: length)
                _ = try backend.download(model.model.forward(batch, cache: cache))
            }
        }
        if let bandwidth, let bytes = model.model.stepWeightBytes {
            figure.bound = Double(batch) * bandwidth / Double(bytes)
        }
        figure.cacheBytes = Self.byteCount(of: cache.shape)
        return figure
    }

    /// Milliseconds of the vision tower and connector for one unsplit image.
    func encode() throws -> BenchReport.Figure {
        let image = try prompts.image(0)
        var figure = try rate("vision encode, one frame", "ms", of: 1) {
            _ = try backend.download(model.model.encode(image))
        }
        figure.value = 1000 / figure.value
        return figure
    }

    // MARK: Whole

    /// Images a second through the engine: encode, prefill and `tokens` tokens of answer, `concurrency` at a time.
    func endToEnd(images count: Int, concurrency: Int, tokens: Int) async throws -> BenchReport.Figure {
        let prompts = try (0..<count).map(prompts.question)
        var configuration = EngineConfiguration()
        // As much as these requests fill, so that the memory it takes is known.
        let longest = (prompts.map(\.tokens.count).max() ?? 0) + tokens + configuration.pageSize
        configuration.kvCache = .tokens(concurrency * longest)
        let cacheBytes = Self.byteCount(of: try configuration.kvCacheShape(for: model.model.shape))
        let engine = try Engine(model: model, backend: backend, configuration: configuration)
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, prompt) in prompts.enumerated() {
                if index >= concurrency { try await group.next() }
                group.addTask { try await engine.answer(prompt, tokens: tokens, priority: .bulk) }
            }
            try await group.waitForAll()
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        await engine.shutdown()
        return BenchReport.Figure(
            name: "end to end, \(concurrency) at a time, \(tokens) tokens", value: Double(count) / seconds,
            unit: "images/s", spread: 0, cacheBytes: cacheBytes)
    }

    // MARK: Inputs

    /// A step in which each sequence gets `count` tokens from position `start`; pages are laid out one sequence after
    /// the other.
    private func step(sequences: Int, from start: Int, count: Int, of length: Int) -> ForwardBatch {
        let pages = (length + Self.pageSize - 1) / Self.pageSize
        let layout = (0..<sequences).map { sequence in
            BatchLayout.Sequence(
                rows: sequence * count..<(sequence + 1) * count, contextLength: start + count,
                pages: (0..<pages).map { Int32(sequence * pages + $0) })
        }
        return ForwardBatch(
            tokens: (0..<sequences * count).map { prompts.token($0 + start) },
            positions: (0..<sequences * count).map { Int32(start + $0 % count) },
            layout: BatchLayout(sequences: layout),
            logitRows: layout.map { Int32($0.rows.upperBound - 1) })
    }

    private func makeCache(sequences: Int, length: Int) throws -> KVCache {
        let shape = model.model.shape
        let pages = sequences * ((length + Self.pageSize - 1) / Self.pageSize)
        return try backend.makeKVCache(
            KVCacheShape(
                layers: shape.layers, kvHeads: shape.kvHeads, headSize: shape.headSize, pages: pages,
                pageSize: Self.pageSize))
    }

    /// Keys and values in f32.
    private static func byteCount(of shape: KVCacheShape) -> Int {
        2 * shape.layers * shape.kvHeads * shape.headSize * shape.capacity * DType.f32.blockByteCount
    }

    // MARK: Time

    /// The median rate of `repetitions` runs after one that is not counted.
    private func rate(
        _ name: String, _ unit: String, of amount: Int, _ body: () throws -> Void
    ) throws -> BenchReport.Figure {
        try body()
        let rates = try (0..<repetitions).map { _ in
            let start = ContinuousClock.now
            try body()
            return Double(amount) / ((ContinuousClock.now - start) / .seconds(1))
        }.sorted()
        let median = rates[rates.count / 2]
        return BenchReport.Figure(
            name: name, value: median, unit: unit, spread: (rates[rates.count - 1] - rates[0]) / 2 / median)
    }
}
