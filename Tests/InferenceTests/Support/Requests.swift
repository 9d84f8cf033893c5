import Compute
import Inference
import Models

/// Prompts, engines and answers, as tests want them.
enum Requests {
    /// A one-pixel image that is `value` grey and takes `tokens` places.
    static func image(_ value: Int, tokens: Int) -> ProcessedImage {
        ProcessedImage(
            pixels: [UInt8(value), 0, 0], levels: ColourLevels { _, step in Float(step) }, frameCount: 1, height: 1,
            width: 1, tileRows: 0, tileColumns: 0, tokenCount: tokens,
            hash: ContentHash(of: [UInt8(value), UInt8(tokens)]))
    }

    /// `before`, the image's places, `after`.
    static func prompt(_ before: String, _ image: ProcessedImage, _ after: String) -> Prompt {
        let start = ByteTokenizer.tokens(before)
        let places = Array(start.count..<start.count + image.tokenCount)
        let tokens =
            start + Array(repeating: ByteTokenizer.image, count: image.tokenCount) + ByteTokenizer.tokens(after)
        return Prompt(tokens: tokens, images: [PlacedImage(image: image, positions: places)])
    }

    static func prompt(_ text: String) -> Prompt { Prompt(tokens: ByteTokenizer.tokens(text)) }

    /// Exactly `count` tokens, the likeliest each time.
    static func greedy(
        _ prompt: Prompt, count: Int, id: String = "test", priority: Priority = .interactive
    ) -> GenerationRequest {
        var sampling = SamplingParameters.greedy(maxTokens: count)
        sampling.ignoreEndOfSequence = true
        return GenerationRequest(id: id, prompt: prompt, sampling: sampling, priority: priority)
    }
}

/// A whole answer.
struct Answered: Equatable {
    var text = ""
    var tokens: [GeneratedToken] = []
    var summary: GenerationSummary?

    var ids: [Int32] { tokens.map(\.id) }

    init(_ stream: AsyncThrowingStream<GenerationEvent, any Error>) async throws {
        for try await event in stream {
            switch event {
            case .delta(let delta):
                text += delta.text
                tokens += delta.tokens
            case .finished(let summary): self.summary = summary
            }
        }
    }
}

extension Engine {
    /// An engine over `model` with few pages, so that tests reach the limits soon.
    static func testing(
        _ model: PageReadingModel = PageReadingModel(), _ change: (inout EngineConfiguration) -> Void = { _ in }
    ) throws -> Engine {
        var configuration = EngineConfiguration()
        configuration.pageSize = 4
        configuration.kvCache = .tokens(1024)
        configuration.maxSequences = 8
        configuration.maxBatchTokens = 64
        change(&configuration)
        let loaded = LoadedModel(
            card: ModelCard(name: "test", family: "test", weightsHash: "", parameterCount: 0, created: 0),
            model: model, processor: NoImages(), tokenizer: ByteTokenizer.tokenizer,
            generation: GenerationDefaults(stopTokens: [ByteTokenizer.end]))
        return try Engine(model: loaded, backend: HostBackend(), configuration: configuration)
    }
}

/// The engine never asks for images to be processed.
private struct NoImages: PromptProcessor {
    func process(_ image: RGBImage, maxTiles: Int?) throws -> ProcessedImage { throw CancellationError() }
    func mostPixelBytes(maxTiles: Int?) -> Int { 0 }
    let template = TemplateFacts()
    func prompt(for messages: [ChatMessage], images: [ProcessedImage], options: PromptOptions) throws -> Prompt {
        throw CancellationError()
    }
}
