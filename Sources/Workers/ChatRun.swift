import FoundationEssentials
import Inference
import Jobs
import Models
import Synchronization

/// One claimed request on its way from bytes to an answer.
struct ChatRun: Sendable {
    private let dispatcher: Dispatcher
    private let claim: Claim
    private let arrival: ContinuousClock.Instant

    init(_ dispatcher: Dispatcher, _ claim: Claim) {
        self.dispatcher = dispatcher
        self.claim = claim
        let (now, arrival) = (ContinuousClock.now, dispatcher.waiters.arrival(of: claim.key))
        self.arrival = arrival ?? now
        if let arrival { dispatcher.measured.withLock { $0.requests.queueTime.observe(now - arrival) } }
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
        let question = try await ask(work)
        let promptTokenIDs = work.reporting?.hasIDs == true ? question.prompt : nil
        dispatcher.measured.withLock { $0.requests.promptTokens.observe(Double(question.prompt.count)) }
        dispatcher.waiters.send(
            .started(promptTokens: question.prompt.count, tokenIDs: promptTokenIDs), to: claim.key)
        let outcomes = try await outcomes(of: question, work)
        var answer = ChatAnswer(
            model: model.card.name, weightsHash: model.card.weightsHash,
            quantization: model.card.quantization == .none ? nil : model.card.quantization.rawValue,
            choices: outcomes.map(\.choice),
            usage: .init(
                promptTokens: question.prompt.count,
                completionTokens: outcomes.reduce(0) { $0 + $1.summary.completionTokens },
                cachedTokens: outcomes.first?.summary.cachedTokens ?? 0),
            images: question.images)
        answer.promptTokenIDs = promptTokenIDs
        answer.requestID = work.requestID
        answer.promptLogprobs = outcomes.first?.summary.promptLogprobs.map { tokens in
            tokens.map { $0?.map { PromptLogprob($0, token: model.tokenizer.text(of: $0.id)) } }
        }
        return answer
    }

    // MARK: Asking

    private typealias Answers = AsyncThrowingStream<GenerationEvent, any Error>

    /// What is left of a request once the generator has it: nothing with pixels.
    private struct Question {
        let prompt: [Int32]
        let images: [ChatAnswer.ImageFacts]
        /// One for each choice.
        let answers: [Answers]
        /// The share of the budget for the pixels that the generator still needs.
        let pixels: PixelBudget.Hold
    }

    /// Prepares images and prompt and hands them to the generator, which takes any number at once.
    private func ask(_ work: ChatWork) async throws -> Question {
        let images = try await prepare(work)
        let processor = model.processor
        let prompt = try await dispatcher.pool.run {
            try processor.prompt(
                for: work.messages, images: images.processed, options: work.prompt ?? PromptOptions())
        }
        let constraint = try await compiled(work.sampling.constraint)
        let answers = (0..<max(work.choices, 1)).map { index in
            var sampling = work.sampling
            sampling.seed = sampling.seed.map { $0 &+ UInt64(index) }
            // The prompt is the same for all.
            if index > 0 { sampling.promptLogprobs = nil }
            return dispatcher.generator.generate(
                GenerationRequest(
                    id: "\(claim.key)/\(index)", prompt: prompt, sampling: sampling,
                    priority: claim.priority == .interactive ? .interactive : .bulk, constraint: constraint))
        }
        return Question(
            prompt: prompt.tokens, images: images.facts, answers: answers, pixels: images.hold)
    }

    private func compiled(_ source: OutputConstraint?) async throws -> Constraint? {
        guard let source else { return nil }
        return try await dispatcher.pool.run { try dispatcher.constraints.compile(source) }
    }

    // MARK: Images

    private struct PreparedImages {
        let processed: [ProcessedImage]
        let facts: [ChatAnswer.ImageFacts]
        let hold: PixelBudget.Hold
    }

    /// One request of many images on slow hosts must leave connections and threads to the others.
    private static let imagesAtATime = 4

    private func prepare(_ work: ChatWork) async throws -> PreparedImages {
        // Nobody whose images are at hand waits for the budget behind somebody whose host is slow.
        let fetched = try await inTurns(work.images) { reference in
            reference.isRemote ? try await fetch(reference) : nil
        }
        let tiles = work.images.indices.map(work.maxTiles(ofImage:))
        let most = claim.priority == .bulk ? tiles.reduce(0) { $0 + model.processor.mostPixelBytes(maxTiles: $1) } : 0
        // All of it at once: two requests that each wait for the other's share would wait for ever.
        let hold = try await dispatcher.waitingPixels.hold(most)
        let prepared = try await inTurns(Array(work.images.indices)) { index in
            let reference = work.images[index]
            let bytes =
                if let bytes = fetched[index] { bytes } else { try await dispatcher.images.bytes(of: reference) }
            return try await prepare(bytes, named: reference.displayName, maxTiles: tiles[index])
        }
        hold.shrink(to: prepared.reduce(0) { $0 + $1.processed.pixels.count })
        return PreparedImages(processed: prepared.map(\.processed), facts: prepared.map(\.facts), hold: hold)
    }

    private func fetch(_ reference: ImageReference) async throws -> [UInt8] {
        let start = ContinuousClock.now
        let bytes = try await dispatcher.images.bytes(of: reference)
        let time = ContinuousClock.now - start
        dispatcher.measured.withLock {
            $0.fetchedImages += 1
            $0.fetchTime += time
        }
        return bytes
    }

    /// What `body` makes of each of `items`, a few at a time, in their order.
    private func inTurns<Item: Sendable, Result: Sendable>(
        _ items: [Item], _ body: @escaping @Sendable (Item) async throws -> Result
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            var results: [(Int, Result)] = []
            for (index, item) in items.enumerated() {
                if index >= Self.imagesAtATime, let next = try await group.next() { results.append(next) }
                group.addTask { (index, try await body(item)) }
            }
            for try await next in group { results.append(next) }
            return results.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func prepare(
        _ bytes: [UInt8], named name: String, maxTiles: Int?
    ) async throws -> (processed: ProcessedImage, facts: ChatAnswer.ImageFacts) {
        let limits = dispatcher.configuration.imageLimits
        let processor = model.processor
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
            let facts = ChatAnswer.ImageFacts(
                sha256: "\(ContentHash(of: bytes))", width: image.width, height: image.height, byteCount: bytes.count)
            return (processed, facts)
        }
    }

    // MARK: Text

    private struct Outcome: Sendable {
        let choice: ChatAnswer.Choice
        let summary: GenerationSummary
    }

    private func outcomes(of question: Question, _ work: ChatWork) async throws -> [Outcome] {
        let (prompt, pixels) = (question.prompt.count, question.pixels)
        return try await withThrowingTaskGroup(of: Outcome.self) { group in
            for (index, answer) in question.answers.enumerated() {
                let reader = AnswerReader(choice: index, of: work, key: claim.key, promptTokens: prompt, model: model)
                group.addTask { try await outcome(of: answer, reader, pixels) }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.choice.index < $1.choice.index }
        }
    }

    private func outcome(
        of answer: Answers, _ reader: AnswerReader, _ pixels: PixelBudget.Hold
    ) async throws -> Outcome {
        var reader = reader
        if let beginning = reader.beginning { dispatcher.waiters.send(.delta(beginning), to: claim.key) }
        var times = ChoiceTimes(arrival: arrival, asked: .now)
        for try await event in answer {
            // Whoever has a token has all images encoded.
            pixels.shrink(to: 0)
            switch event {
            case .delta(let delta):
                dispatcher.measured.withLock { times.note(in: &$0.requests) }
                dispatcher.waiters.send(.delta(reader.read(delta)), to: claim.key)
            case .finished(let summary):
                dispatcher.measured.withLock {
                    times.finish(
                        summary.finishReason.rawValue, tokens: summary.completionTokens, in: &$0.requests)
                }
                let (rest, choice) = reader.end(summary)
                if let rest { dispatcher.waiters.send(.delta(rest), to: claim.key) }
                dispatcher.waiters.send(.choiceFinished(choice, usage: reader.usage), to: claim.key)
                return Outcome(choice: choice, summary: summary)
            }
        }
        // The stream ends without its last event only when this task is cancelled.
        throw CancellationError()
    }
}

extension ImageReference {
    fileprivate var isRemote: Bool { if case .url = self { true } else { false } }

    /// How errors name the image.
    var displayName: String {
        switch self {
        case .file(let path): path
        case .blob: "the inline image"
        case .url(let address): address
        }
    }
}
