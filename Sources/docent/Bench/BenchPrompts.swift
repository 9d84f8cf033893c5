import Inference
import Models

/// Prompts made by hand, so that a model without a tokenizer can be timed too.
struct BenchPrompts {
    let model: LoadedModel

    func token(_ index: Int) -> Int32 { Int32((index * 7919 + 11) % min(model.model.shape.vocabulary, 1000)) }

    /// `count` words that begin with a word of their own for each `seed`.
    func words(_ count: Int, seed: Int = 0) -> [Int32] { (0..<count).map { token($0 + 7 + seed) } }

    /// The features of a picture first, then 32 words.
    func question(about image: ProcessedImage) -> Prompt {
        Prompt(
            tokens: [token(3)] + [Int32](repeating: token(1), count: image.tokenCount) + words(32),
            images: [PlacedImage(image: image, positions: Array(1...image.tokenCount))])
    }

    func question(_ seed: Int) throws -> Prompt { question(about: try image(seed)) }

    /// A smooth picture of 512 × 512 that differs with `seed`, in one frame.
    func image(_ seed: Int) throws -> ProcessedImage {
        let side = 512
        let pixels = (0..<side * side * 3).map { UInt8(truncatingIfNeeded: $0 / (seed + 5) + $0 / (3 * side)) }
        return try model.processor.process(RGBImage(width: side, height: side, pixels: pixels), maxTiles: 1)
    }
}

extension ProcessedImage {
    /// The same picture under another name, so that an engine encodes it again.
    func renamed(_ number: Int) -> ProcessedImage {
        ProcessedImage(
            pixels: pixels, levels: levels, frameCount: frameCount, height: height, width: width, tileRows: tileRows,
            tileColumns: tileColumns, tokenCount: tokenCount,
            hash: withUnsafeBytes(of: number) { ContentHash(of: $0) })
    }
}

extension Engine {
    /// The times from now at which the tokens of an answer of exactly `tokens` came.
    @discardableResult
    func answer(_ prompt: Prompt, tokens: Int, priority: Priority) async throws -> [Duration] {
        let start = ContinuousClock.now
        var times: [Duration] = []
        for try await case .delta in stream(prompt, tokens: tokens, priority: priority) {
            times.append(ContinuousClock.now - start)
        }
        return times
    }

    func stream(
        _ prompt: Prompt, tokens: Int, priority: Priority
    ) -> AsyncThrowingStream<GenerationEvent, any Error> {
        var sampling = SamplingParameters.greedy(maxTokens: tokens)
        sampling.ignoreEndOfSequence = true
        return generate(GenerationRequest(id: "bench", prompt: prompt, sampling: sampling, priority: priority))
    }
}
