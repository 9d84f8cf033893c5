import Compute
import Inference
import Models
import Synchronization

/// Answers every prompt with the same words, one token a word and no more than were asked for; `gate` holds each answer after its first word.
final class ScriptedGenerator: TextGenerator {
    private let words: [String]
    private let gate: Gate?
    private let failure: (any Error)?
    let requests = Mutex<[GenerationRequest]>([])
    /// Ids of requests whose answers were not wanted any more.
    let cancellations: AsyncStream<String>
    private let cancelled: AsyncStream<String>.Continuation

    init(_ words: [String], gate: Gate? = nil, failing failure: (any Error)? = nil) {
        self.words = words
        self.gate = gate
        self.failure = failure
        (cancellations, cancelled) = AsyncStream.makeStream()
    }

    func generate(_ request: GenerationRequest) -> AsyncThrowingStream<GenerationEvent, any Error> {
        requests.withLock { $0.append(request) }
        return AsyncThrowingStream { continuation in
            let task = Task { [words, gate, failure] in
                if let failure { return continuation.finish(throwing: failure) }
                let words = words.prefix(request.sampling.maxTokens ?? .max)
                for (index, word) in words.enumerated() {
                    if index == 1, let gate { await gate.passed() }
                    if Task.isCancelled { return }
                    continuation.yield(.delta(GeneratedText(text: word, tokens: [Self.token(index, request)])))
                }
                var summary = GenerationSummary(
                    finishReason: .stop, promptTokens: request.prompt.tokens.count, completionTokens: words.count)
                if let most = request.sampling.promptLogprobs {
                    summary.promptLogprobs = request.prompt.tokens.enumerated().map { position, token in
                        guard position > 0 else { return nil }
                        return [RankedToken(id: token, logprob: -2.5, rank: most + 1)]
                            + (0..<most).map { RankedToken(id: 60 + Int32($0), logprob: -0.5, rank: $0 + 1) }
                    }
                }
                continuation.yield(.finished(summary))
                continuation.finish()
            }
            continuation.onTermination = { [cancelled] termination in
                if case .cancelled = termination { cancelled.yield(request.id) }
                task.cancel()
            }
        }
    }

    private static func token(_ index: Int, _ request: GenerationRequest) -> GeneratedToken {
        let id = Int32(300 + index)
        guard let count = request.sampling.topLogprobs else { return GeneratedToken(id: id) }
        return GeneratedToken(
            id: id, logprob: -0.5,
            alternatives: (0..<count).map { .init(id: id + Int32($0), logprob: -0.5 - Float($0)) })
    }
}

/// Holds whoever passes until it is opened, or until their task is cancelled.
final class Gate: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func open() { continuation.finish() }
    func passed() async { for await _ in stream {} }
}

/// One token a word, three for an image, one for an image in one tile.
struct WordProcessor: PromptProcessor {
    var takesImages = true

    func process(_ image: RGBImage, maxTiles: Int?) throws -> ProcessedImage {
        ProcessedImage(
            pixels: [UInt8](repeating: 0, count: 12), levels: ColourLevels { _, step in Float(step) }, frameCount: 1,
            height: 2, width: 2, tileRows: 0, tileColumns: 0, tokenCount: maxTiles == 1 ? 1 : 3,
            hash: ContentHash(of: image.pixels))
    }

    func mostPixelBytes(maxTiles: Int?) -> Int { 12 }

    var template = TemplateFacts()
    func prompt(for messages: [ChatMessage], images: [ProcessedImage], options: PromptOptions) throws -> Prompt {
        let words = messages.flatMap(\.content).reduce(0) { count, part in
            if case .text(let text) = part { count + text.split(separator: " ").count } else { count }
        }
        return Prompt(tokens: [Int32](repeating: 7, count: words + images.reduce(0) { $0 + $1.tokenCount }))
    }
}

/// A model in name only: these tests generate from scripts.
struct NamedModel: VisionLanguageModel {
    let shape = ModelShape(vocabulary: 1000, layers: 1, kvHeads: 1, headSize: 2, contextLength: 4096)

    func forward(_ batch: ForwardBatch, cache: KVCache) throws -> Tensor { throw CancellationError() }
}
