import Compute
import Foundation
import Inference
import Jobs
import Logging
import Models
import Synchronization

@testable import Workers

/// Answers every prompt with the same words, one delta a word; `gate` holds each answer after its first word.
final class ScriptedGenerator: TextGenerator {
    private let words: [String]
    private let gate: Gate?
    private let failures: Mutex<[any Error]>
    let requests = Mutex<[GenerationRequest]>([])
    let cancelled = Mutex<[String]>([])
    /// How many requests there have been, each time one comes.
    let counts: AsyncStream<Int>
    private let counter: AsyncStream<Int>.Continuation

    init(_ words: [String], gate: Gate? = nil, failingFirst failures: [any Error] = []) {
        self.words = words
        self.gate = gate
        self.failures = Mutex(failures)
        (counts, counter) = AsyncStream.makeStream()
    }

    func generate(_ request: GenerationRequest) -> AsyncThrowingStream<GenerationEvent, any Error> {
        counter.yield(
            requests.withLock {
                $0.append(request)
                return $0.count
            })
        let failure = failures.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        return AsyncThrowingStream { continuation in
            let task = Task { [words, gate] in
                if let failure { return continuation.finish(throwing: failure) }
                for (index, word) in words.enumerated() {
                    if index == 1, let gate { await gate.passed() }
                    if Task.isCancelled { break }
                    continuation.yield(.delta(GeneratedText(text: word, tokens: [GeneratedToken(id: Int32(index))])))
                }
                let summary = GenerationSummary(
                    finishReason: .stop, promptTokens: request.prompt.tokens.count, completionTokens: words.count)
                continuation.yield(.finished(summary))
                continuation.finish()
            }
            continuation.onTermination = { [weak self] termination in
                if case .cancelled = termination { self?.cancelled.withLock { $0.append(request.id) } }
                task.cancel()
            }
        }
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

/// One token a word, three for an image.
struct WordProcessor: PromptProcessor {
    func process(_ image: RGBImage, maxTiles: Int?) throws -> ProcessedImage {
        ProcessedImage(
            pixels: [UInt8](repeating: 0, count: 12), levels: ColourLevels { _, step in Float(step) }, frameCount: 1,
            height: 2, width: 2, tileRows: 0, tileColumns: 0, tokenCount: 3, hash: ContentHash(of: image.pixels))
    }

    func mostPixelBytes(maxTiles: Int?) -> Int { 12 }

    let template = TemplateFacts()
    func prompt(for messages: [ChatMessage], images: [ProcessedImage], options: PromptOptions) throws -> Prompt {
        let words = messages.flatMap(\.content).reduce(0) { count, part in
            if case .text(let text) = part { count + text.split(separator: " ").count } else { count }
        }
        return Prompt(tokens: [Int32](repeating: 7, count: words + 3 * images.count))
    }
}

/// A model that exists only in name: these tests generate from scripts.
struct NamedModel: VisionLanguageModel {
    let shape = ModelShape(vocabulary: 16, layers: 1, kvHeads: 1, headSize: 2, contextLength: 64)

    func forward(_ batch: ForwardBatch, cache: KVCache) throws -> Tensor { throw CancellationError() }
}

/// A store in its own folder, a dispatcher over it, and what is needed to look at both.
struct Workshop {
    let folder: URL
    let store: JobStore
    let dispatcher: Dispatcher

    init(
        _ generator: some TextGenerator, images: (any ImageSource)? = nil,
        _ configure: (inout DispatcherConfiguration) -> Void = { _ in }
    ) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "workers-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        store = try JobStore(path: folder.appending(path: "docent.sqlite").path)
        var configuration = DispatcherConfiguration()
        configure(&configuration)
        dispatcher = Dispatcher(
            store: store, model: try Self.model(), generator: generator,
            images: images ?? LocalImageSource(blobs: store.blobs, maxBytes: 1 << 20), configuration: configuration,
            logger: Logger(label: "test"))
    }

    /// Runs the dispatcher while `body` does, then stops it and closes the store.
    func whileRunning<Result: Sendable>(_ body: @Sendable @escaping () async throws -> Result) async throws -> Result {
        let dispatcher = dispatcher
        let result = try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                try await dispatcher.run()
                return nil
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
        try await store.close()
        try FileManager.default.removeItem(at: folder)
        return result
    }

    static let samples = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../jobs/samples")
        .standardized

    /// A PNG of 16 × 16 pixels, all of one grey.
    static let grey = Array(
        Data(
            base64Encoded: "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAAAAAA6mKC9AAAAD0lEQVR42mNo"
                + "QAMMI1sAAAUMgAHjM1mKAAAAAElFTkSuQmCC") ?? Data())

    private static func model() throws -> LoadedModel {
        let mini = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/docent/docent-mini").standardized
        return LoadedModel(
            card: ModelCard(name: "scripted", family: "test", weightsHash: "0", parameterCount: 0, created: 0),
            model: NamedModel(), processor: WordProcessor(), tokenizer: try Tokenizer.load(from: mini.path),
            generation: GenerationDefaults(stopTokens: []))
    }
}

extension ChatWork {
    static func question(_ text: String, _ images: [ImageReference] = []) -> ChatWork {
        let content = images.map { _ in ContentPart.image } + [.text(text)]
        return ChatWork(messages: [ChatMessage(role: "user", content: content)], images: images)
    }
}

extension Ticket {
    /// All events up to the last.
    func all() async -> [WorkEvent] {
        var collected: [WorkEvent] = []
        for await event in events { collected.append(event) }
        return collected
    }
}
