public import Compute
public import Models

/// Answers many requests at once on one device: continuous batching over a paged KV cache.
///
/// Everything that touches the device happens on one thread, which sleeps while there are no requests. `generate` only
/// checks a request and posts it there. Answers are buffered without limit of their own but each is at most
/// `maxSequenceTokens` events long, so a client that does not read costs bounded memory and stops nobody.
public final class Engine: TextGenerator {
    /// Whether requests that are under way are answered before the engine ends.
    public enum Shutdown: Sendable { case drain, cancel }

    /// The longest prompt and answer together, in tokens: the model's context, or the whole KV cache if that is less.
    public let maxSequenceTokens: Int
    private let validation: RequestValidation
    private let mailbox: Mailbox
    private let core: EngineCore
    /// The engine's life; `shutdown` waits for it.
    private let life: Task<Void, Never>

    /// Takes the KV cache's memory; throws `EngineError.invalidConfiguration` or `ComputeError`.
    public init(
        model: LoadedModel, backend: any Backend, configuration: EngineConfiguration = EngineConfiguration()
    ) throws {
        let shape = model.model.shape
        let cacheShape = try configuration.kvCacheShape(for: shape)
        maxSequenceTokens = min(shape.contextLength, cacheShape.capacity, configuration.maxSequenceTokens ?? .max)
        validation = RequestValidation(vocabulary: shape.vocabulary, maxSequenceTokens: maxSequenceTokens)
        let mailbox = Mailbox(limit: configuration.maxSequences + configuration.maxWaiting)
        let executor = ThreadExecutor(name: "engine")
        let cache = try executor.perform { try backend.makeKVCache(cacheShape) }
        let core = EngineCore(
            model: model, runner: StepRunner(model: model.model, backend: backend, cache: cache),
            configuration: configuration, mailbox: mailbox, executor: executor)
        self.mailbox = mailbox
        self.core = core
        life = Task { await core.run() }
    }

    deinit { mailbox.shutDown(cancelling: true) }

    public func generate(_ request: GenerationRequest) -> AsyncThrowingStream<GenerationEvent, any Error> {
        let (stream, continuation) = AsyncThrowingStream<GenerationEvent, any Error>.makeStream()
        do {
            let limit = try validation.answerLimit(of: request)
            let id = mailbox.newID()
            continuation.onTermination = { [mailbox] termination in
                if case .cancelled = termination { mailbox.cancel(id) }
            }
            try mailbox.submit(
                .init(id: id, request: request, answerLimit: limit, continuation: continuation))
        } catch {
            continuation.finish(throwing: error)
        }
        return stream
    }

    /// What the engine was doing at the end of its last step.
    public var metrics: EngineMetrics { core.published.value }

    /// Refuses requests from now on and returns when none is left: all answered, or failed with `EngineError.shutDown`.
    /// Cancelling the task that waits turns a drain into a cancellation.
    public func shutdown(_ manner: Shutdown = .drain) async {
        mailbox.shutDown(cancelling: manner == .cancel)
        await withTaskCancellationHandler {
            await life.value
        } onCancel: {
            mailbox.shutDown(cancelling: true)
        }
    }
}
