import Compute
import Logging
import Models

/// The engine's thread: takes requests, runs steps, delivers answers.
actor EngineCore {
    /// What is kept of a request in flight: nothing with pixels, which `images` has until they are encoded.
    struct Work {
        /// For logs.
        let requestID: String
        let priority: Priority
        let promptCount: Int
        let images: [ContentHash]
        let continuation: AsyncThrowingStream<GenerationEvent, any Error>.Continuation
        var sampler: Sampler
        var answer: Answer
        var promptLogprobs: PromptLogprobs?
        var wasAdmitted = false
    }

    nonisolated let executor: ThreadExecutor
    nonisolated let published: PublishedMetrics
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let tokenizer: Tokenizer
    private let modelEndTokens: Set<Int32>
    private let vocabulary: Int
    private let runner: StepRunner
    private let mailbox: Mailbox
    private let logger = Logger(label: "docent.engine")
    private let clock = ContinuousClock()

    private var scheduler: Scheduler
    private var images: StepRunner.Images
    private var work: [SequenceID: Work] = [:]
    private var outbox = Outbox()
    private var metrics = EngineMetrics()
    private var isShuttingDown = false

    init(
        model: LoadedModel, runner: StepRunner, configuration: EngineConfiguration, mailbox: Mailbox,
        executor: ThreadExecutor
    ) {
        tokenizer = model.tokenizer
        modelEndTokens = model.generation.stopTokens
        vocabulary = model.model.shape.vocabulary
        self.runner = runner
        self.mailbox = mailbox
        self.executor = executor
        scheduler = Scheduler(
            pages: runner.cache.shape.pages, pageSize: runner.cache.shape.pageSize,
            maxSequences: configuration.maxSequences, maxBatchTokens: configuration.maxBatchTokens,
            keepsImagesWhole: model.model.shape.seesImagesWhole)
        images = StepRunner.Images(capacity: configuration.imageCacheBytes)
        metrics.totalPages = runner.cache.shape.pages
        published = PublishedMetrics(metrics)
    }

    /// The engine's whole life: steps while there is work, sleep while there is none.
    func run() async {
        for await _ in mailbox.arrivals {
            readMail()
            while scheduler.hasWork {
                step()
                readMail()
            }
            if isShuttingDown { return }
        }
    }

    /// One slice of an image, or one pass of the decoder for every sequence whose turn it is.
    private func step() {
        var times = StepTimes(clock)
        let plan = scheduler.next { images.isEncoded($0) }
        precondition(!plan.isEmpty, "there is work but nothing is planned")
        note(plan)
        if let encode = plan.encode { times.encode = clock.measure { advance(encode) } }
        var results: [(run: StepPlan.Run, logits: ArraySlice<Float>)] = []
        times.forward = clock.measure { results = run(plan.runs) }
        scheduler.record(plan, took: times.device)
        for (run, logits) in results { record(run, sample(run, logits)) }
        metrics.add(times, plan, total: times.elapsed(clock))
        publish()
        outbox.deliver()
    }

    // MARK: Mail

    private func readMail() {
        let letters = mailbox.take()
        if letters.isEmpty { return }
        for letter in letters {
            switch letter {
            case .submit(let submission): submit(submission)
            case .cancel(let id):
                if end(id) != nil { metrics.cancelledRequests += 1 }
            case .shutDown(let cancelling):
                isShuttingDown = true
                if cancelling { failAll(.shutDown) }
            }
        }
        publish()
        outbox.deliver()
    }

    private func submit(_ submission: Mailbox.Submission) {
        let (request, prompt) = (submission.request, submission.request.prompt)
        let answer = Answer(
            request.sampling, modelEndTokens: modelEndTokens, promptTokens: prompt.tokens.count,
            limit: submission.answerLimit,
            decoder: tokenizer.streamingDecoder(skipSpecialTokens: request.sampling.skipSpecialTokens))
        let sampler = Sampler(
            request.sampling, prompt: prompt, endTokens: answer.endTokens, seed: UInt64.random(in: 0...UInt64.max),
            constraint: request.constraint)
        work[submission.id] = Work(
            requestID: request.id, priority: request.priority, promptCount: prompt.tokens.count,
            images: prompt.images.map(\.image.hash), continuation: submission.continuation, sampler: sampler,
            answer: answer,
            promptLogprobs: request.sampling.promptLogprobs.map { PromptLogprobs(of: prompt.tokens, most: $0) })
        for placed in prompt.images { images.retain(placed.image) }
        let spans = prompt.images.map { ImageSpan(image: $0.image.hash, positions: $0.positions) }
        scheduler.submit(
            TokenSequence(
                id: submission.id, priority: request.priority, prompt: prompt.tokens, images: spans, grid: prompt.grid,
                wantsPromptLogits: request.sampling.promptLogprobs != nil))
    }

    // MARK: The parts of a step

    private func note(_ plan: StepPlan) {
        metrics.preemptions += plan.preempted.count
        for admission in plan.admitted {
            guard let item = work[admission.sequence], !item.wasAdmitted else { continue }
            work[admission.sequence]?.wasAdmitted = true
            work[admission.sequence]?.answer.cachedTokens = admission.reusedTokens
            metrics.prefixCacheQueries += item.promptCount
            metrics.prefixCacheHits += admission.reusedTokens
        }
    }

    private func advance(_ encode: StepPlan.Encode) {
        do {
            if try runner.advance(encode.image, in: &images) { metrics.encodedImages += 1 }
        } catch {
            fail(encode.sequence, error)
        }
    }

    /// Runs all of `runs` together or, when that fails, each by itself, so that only those fail that cannot be run.
    /// Doing a run twice is harmless: it writes the same keys and values to the same places.
    private func run(_ runs: [StepPlan.Run]) -> [(run: StepPlan.Run, logits: ArraySlice<Float>)] {
        let runs = runs.filter { work[$0.sequence] != nil }
        guard !runs.isEmpty else { return [] }
        do {
            let logits = try runner.logits(of: runs, images: images)
            var row = 0
            return runs.map { run in
                defer { row += run.logitRowCount }
                return (run, logits[row * vocabulary..<(row + run.logitRowCount) * vocabulary])
            }
        } catch let error where runs.count == 1 || Self.isLoss(error) {
            fail(runs[0].sequence, error)
            return []
        } catch {
            logger.warning("a step of \(runs.count) sequences failed, each is tried alone: \(error)")
            return runs.flatMap { run([$0]) }
        }
    }

    private func sample(_ run: StepPlan.Run, _ logits: ArraySlice<Float>) -> GeneratedToken? {
        var logits = logits
        for position in run.predictingPrompt {
            let row = logits.prefix(vocabulary)
            logits = logits.dropFirst(vocabulary)
            guard work[run.sequence]?.promptLogprobs?.note(row, at: position) == true else {
                fail(run.sequence, EngineError.invalidLogits(position: position))
                return nil
            }
        }
        guard run.wantsLogits else { return nil }
        guard let token = work[run.sequence]?.sampler.next(logits) else {
            let isRuled = Argmax.of(logits) != nil
            let position = run.positions.upperBound - 1
            let broken = work[run.sequence]?.sampler.failure.map { EngineError.constraintFailed($0) }
            fail(run.sequence, broken ?? (isRuled ? .noTokenAllowed : .invalidLogits(position: position)))
            return nil
        }
        return token
    }

    private func record(_ run: StepPlan.Run, _ token: GeneratedToken?) {
        guard let continuation = work[run.sequence]?.continuation else { return }
        scheduler.record(run, token: token?.id)
        guard let token, let isLast = work[run.sequence]?.sampler.mustEnd,
            let piece = work[run.sequence]?.answer.append(token, isLast: isLast)
        else { return }
        metrics.generatedTokens += 1
        outbox.add(.delta(piece.delta), to: continuation)
        guard var summary = piece.summary else { return }
        summary.promptLogprobs = work[run.sequence]?.promptLogprobs?.tokens
        metrics.finishedRequests += 1
        outbox.add(.finished(summary), to: continuation)
        outbox.end(continuation)
        end(run.sequence)
    }

    // MARK: Ends

    /// Forgets a request and frees what it held.
    @discardableResult
    private func end(_ id: SequenceID) -> Work? {
        guard let ended = work.removeValue(forKey: id) else { return nil }
        scheduler.remove(id)
        for image in ended.images { images.release(image) }
        mailbox.noteEnd(of: ended.priority)
        return ended
    }

    private func fail(_ id: SequenceID, _ error: any Error) {
        if Self.isLoss(error) {
            let loss = EngineError.deviceLost(reason: "\(error)")
            logger.error("\(loss)")
            mailbox.close(loss)
            return failAll(loss)
        }
        guard let failed = end(id) else { return }
        logger.warning("request \(failed.requestID) failed: \(error)")
        metrics.failedRequests += 1
        let reason = error as? EngineError ?? .requestFailed(reason: "\(error)")
        outbox.end(failed.continuation, throwing: reason)
    }

    private func failAll(_ error: EngineError) {
        for id in work.keys.sorted() {
            guard let failed = end(id) else { continue }
            metrics.failedRequests += 1
            outbox.end(failed.continuation, throwing: error)
        }
    }

    private static func isLoss(_ error: any Error) -> Bool {
        if case .deviceLost? = error as? ComputeError { return true }
        return false
    }

    private func publish() {
        metrics.runningSequences = scheduler.running.count
        metrics.waitingSequences = scheduler.waiting.count
        metrics.usedPages = scheduler.pages.used
        metrics.cachedPages = scheduler.pages.cached
        metrics.imageCacheBytes = images.byteCount
        metrics.imageCacheQueries = images.lookups
        metrics.imageCacheHits = images.hits
        published.value = metrics
    }
}
