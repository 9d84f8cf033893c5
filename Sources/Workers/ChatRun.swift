import FoundationEssentials
import Inference
import Jobs
import Models
import Synchronization

/// One claimed request on its way from bytes to an answer.
struct ChatRun: Sendable {
    private let dispatcher: Dispatcher
    private let claim: Claim

    init(_ dispatcher: Dispatcher, _ claim: Claim) {
        self.dispatcher = dispatcher
        self.claim = claim
    }

    private var model: LoadedModel { dispatcher.model }

    func answer() async throws -> ChatAnswer {
        let work: ChatWork
        do {
            work = try JSONDecoder().decode(ChatWork.self, from: Data(claim.payload.utf8))
        } catch {
            throw RequestFailure(
                code: "invalid_payload", message: "the stored request is not readable: \(error)", isRetryable: false)
        }
        let images = try await prepare(work)
        let processor = model.processor
        let prompt = try await dispatcher.pool.run {
            try processor.prompt(for: work.messages, images: images.map(\.processed))
        }
        dispatcher.waiters.send(.started(promptTokens: prompt.tokens.count), to: claim.key)
        let outcomes = try await generate(work, prompt)
        return ChatAnswer(
            model: model.card.name, weightsHash: model.card.weightsHash,
            quantization: model.card.quantization == .none ? nil : model.card.quantization.rawValue,
            choices: outcomes.map(\.choice),
            usage: .init(
                promptTokens: prompt.tokens.count,
                completionTokens: outcomes.reduce(0) { $0 + $1.summary.completionTokens },
                cachedTokens: outcomes.first?.summary.cachedTokens ?? 0),
            images: images.map(\.facts))
    }

    // MARK: Images

    private struct PreparedImage: Sendable {
        let processed: ProcessedImage
        let facts: ChatAnswer.ImageFacts
    }

    /// One request of many images on slow hosts must leave connections and threads to the others.
    private static let imagesAtATime = 4

    private func prepare(_ work: ChatWork) async throws -> [PreparedImage] {
        try await withThrowingTaskGroup(of: (Int, PreparedImage).self) { group in
            var prepared: [(Int, PreparedImage)] = []
            for (index, reference) in work.images.enumerated() {
                if index >= Self.imagesAtATime, let next = try await group.next() { prepared.append(next) }
                group.addTask { (index, try await prepare(reference, maxTiles: work.maxTiles)) }
            }
            for try await next in group { prepared.append(next) }
            return prepared.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func prepare(_ reference: ImageReference, maxTiles: Int?) async throws -> PreparedImage {
        let bytes = try await dispatcher.images.bytes(of: reference)
        let limits = dispatcher.configuration.imageLimits
        let processor = model.processor
        let name = reference.displayName
        return try await dispatcher.pool.run {
            dispatcher.imageWork.withLock { $0.begin() }
            defer { dispatcher.imageWork.withLock { $0.end() } }
            let start = ThreadTime.now
            let image = try ImageDecoder.decode(bytes, limits: limits, name: name)
            let decoded = ThreadTime.now
            let processed = try processor.process(image, maxTiles: maxTiles)
            let end = ThreadTime.now
            dispatcher.measured.withLock {
                $0.decodeTime += decoded - start
                $0.resizeTime += end - decoded
            }
            return PreparedImage(
                processed: processed,
                facts: .init(
                    sha256: "\(ContentHash(of: bytes))", width: image.width, height: image.height,
                    byteCount: bytes.count))
        }
    }

    // MARK: Text

    private struct Outcome: Sendable {
        let choice: ChatAnswer.Choice
        let summary: GenerationSummary
    }

    private func generate(_ work: ChatWork, _ prompt: Prompt) async throws -> [Outcome] {
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            for index in 0..<max(work.choices, 1) {
                group.addTask { try await generate(choice: index, of: work, prompt) }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.choice.index < $1.choice.index }
        }
    }

    private func generate(choice index: Int, of work: ChatWork, _ prompt: Prompt) async throws -> Outcome {
        var sampling = work.sampling
        sampling.seed = sampling.seed.map { $0 &+ UInt64(index) }
        let request = GenerationRequest(
            id: "\(claim.key)/\(index)", prompt: prompt, sampling: sampling,
            priority: claim.priority == .interactive ? .interactive : .bulk)
        var text = ""
        var logprobs: [TokenLogprob] = []
        for try await event in dispatcher.generator.generate(request) {
            switch event {
            case .delta(let delta):
                let probabilities = delta.tokens.compactMap(logprob)
                text += delta.text
                logprobs += probabilities
                dispatcher.waiters.send(
                    .delta(choice: index, text: delta.text, logprobs: probabilities), to: claim.key)
            case .finished(let summary):
                dispatcher.waiters.send(.choiceFinished(choice: index, summary), to: claim.key)
                let hasLogprobs = sampling.topLogprobs != nil
                return Outcome(
                    choice: choice(index, text, summary, hasLogprobs ? logprobs : nil), summary: summary)
            }
        }
        // The stream ends without its last event only when this task is cancelled.
        throw CancellationError()
    }

    private func choice(
        _ index: Int, _ text: String, _ summary: GenerationSummary, _ logprobs: [TokenLogprob]?
    ) -> ChatAnswer.Choice {
        var choice = ChatAnswer.Choice(
            index: index, text: text, finishReason: summary.finishReason, logprobs: logprobs)
        switch summary.stopReason {
        case .text(let text): choice.stopText = text
        case .token(let token): choice.stopToken = token
        case nil: break
        }
        return choice
    }

    private func logprob(_ token: GeneratedToken) -> TokenLogprob? {
        guard let logprob = token.logprob else { return nil }
        return TokenLogprob(
            token: model.tokenizer.text(of: token.id), bytes: model.tokenizer.bytes(of: token.id), logprob: logprob,
            top: token.alternatives.map {
                TokenLogprob(
                    token: model.tokenizer.text(of: $0.id), bytes: model.tokenizer.bytes(of: $0.id),
                    logprob: $0.logprob)
            })
    }
}

extension ImageReference {
    /// How errors name the image.
    var displayName: String {
        switch self {
        case .file(let path): path
        case .blob: "the inline image"
        case .url(let address): address
        }
    }
}
