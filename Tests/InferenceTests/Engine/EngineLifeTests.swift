import Compute
import Inference
import Models
import Testing

/// Who runs when, who is refused, and what becomes of requests that end early.
///
/// A gate holds the engine still while a test brings about what it is to react to: without it, two hundred steps of this
/// model may be over before another thread has its turn.
@Suite(.timeLimit(.minutes(5)))
struct EngineLifeTests {
    private typealias Stream = AsyncThrowingStream<GenerationEvent, any Error>

    @Test func `an answer that nobody reads any more frees its pages within one step`() async throws {
        let gate = StepGate()
        let engine = try Engine.testing(gate.model())
        var steps = gate.arrivals.makeAsyncIterator()
        var abandoned: Stream? = engine.generate(Requests.greedy(Requests.prompt("0123456789"), count: 100))
        _ = await steps.next()
        let kept = engine.generate(Requests.greedy(Requests.prompt("ab"), count: 5))
        gate.pass()
        #expect(await steps.next()?.layout.sequences.count == 2)
        #expect(abandoned != nil)
        abandoned = nil
        gate.pass()
        #expect(await steps.next()?.layout.sequences.count == 1)
        #expect(engine.metrics.usedPages == 1)
        #expect(engine.metrics.cancelledRequests == 1)
        gate.open()
        #expect(try await Answered(kept).ids.count == 5)
        #expect(engine.metrics.usedPages == 0)
        await engine.shutdown()
    }

    @Test func `ending the iteration early cancels the request`() async throws {
        let gate = StepGate()
        let engine = try Engine.testing(gate.model())
        gate.pass()
        func firstToken() async throws -> Int? {
            for try await case .delta(let delta) in engine.generate(
                Requests.greedy(Requests.prompt("abc"), count: 200))
            {
                return delta.tokens.count
            }
            return nil
        }
        #expect(try await firstToken() == 1)
        gate.open()
        await engine.shutdown(.drain)
        #expect(engine.metrics.cancelledRequests == 1)
        #expect(engine.metrics.generatedTokens <= 2)
        #expect(engine.metrics.usedPages == 0)
    }

    @Test func `a cancelled task cancels its request`() async throws {
        let gate = StepGate()
        let engine = try Engine.testing(gate.model())
        var steps = gate.arrivals.makeAsyncIterator()
        let reader = Task { try await Answered(engine.generate(Requests.greedy(Requests.prompt("a"), count: 200))) }
        _ = await steps.next()
        reader.cancel()
        _ = await reader.result
        gate.open()
        await engine.shutdown(.drain)
        #expect(engine.metrics.cancelledRequests == 1)
    }

    @Test func `one request too many is refused at once, and bulk work never crowds out an interactive one`()
        async throws
    {
        let gate = StepGate()
        let engine = try Engine.testing(gate.model()) {
            $0.maxSequences = 1
            $0.maxWaiting = 1
        }
        let bulk = (0..<2).map { _ in
            engine.generate(Requests.greedy(Requests.prompt("bulk"), count: 2, priority: .bulk))
        }
        let refusal = EngineError.overloaded(inFlight: 2, limit: 2)
        await #expect(throws: refusal) {
            try await Answered(engine.generate(Requests.greedy(Requests.prompt("x"), count: 2, priority: .bulk)))
        }
        let interactive = (0..<2).map { _ in engine.generate(Requests.greedy(Requests.prompt("now"), count: 2)) }
        await #expect(throws: refusal) {
            try await Answered(engine.generate(Requests.greedy(Requests.prompt("x"), count: 2)))
        }
        gate.open()
        for stream in bulk + interactive { #expect(try await Answered(stream).ids.count == 2) }
        // Places are free again.
        #expect(try await Answered(engine.generate(Requests.greedy(Requests.prompt("x"), count: 2))).ids.count == 2)
        await engine.shutdown()
    }

    @Test func `an interactive request runs next although bulk work fills the engine`() async throws {
        let gate = StepGate()
        let engine = try Engine.testing(gate.model()) { $0.maxSequences = 1 }
        var steps = gate.arrivals.makeAsyncIterator()
        let prompts = [Requests.prompt("first bulk"), Requests.prompt("second bulk")]
        let bulk = prompts.map { engine.generate(Requests.greedy($0, count: 8, priority: .bulk)) }
        _ = await steps.next()
        let interactive = engine.generate(Requests.greedy(Requests.prompt("hurry"), count: 2))
        gate.pass()
        #expect(await steps.next()?.tokens == ByteTokenizer.tokens("hurry"))
        gate.open()
        #expect(try await Answered(interactive).ids.count == 2)
        for (stream, prompt) in zip(bulk, prompts) {
            #expect(try await Answered(stream).ids == PageReadingModel.expectedAnswer(to: prompt, count: 8))
        }
        #expect(engine.metrics.preemptions == 1)
        await engine.shutdown()
    }

    @Test func `a drain answers what was accepted and refuses what comes after`() async throws {
        let gate = StepGate()
        let engine = try Engine.testing(gate.model())
        var steps = gate.arrivals.makeAsyncIterator()
        let accepted = engine.generate(Requests.greedy(Requests.prompt("abc"), count: 6))
        _ = await steps.next()
        async let drained: Void = engine.shutdown(.drain)
        gate.open()
        #expect(try await Answered(accepted).ids.count == 6)
        await drained
        await #expect(throws: EngineError.shutDown) {
            try await Answered(engine.generate(Requests.greedy(Requests.prompt("abc"), count: 6)))
        }
    }

    @Test func `a cancelling shutdown fails what is under way`() async throws {
        let gate = StepGate()
        let engine = try Engine.testing(gate.model())
        var steps = gate.arrivals.makeAsyncIterator()
        let stream = engine.generate(Requests.greedy(Requests.prompt("abc"), count: 200))
        _ = await steps.next()
        let ended = Task.immediate { await engine.shutdown(.cancel) }
        gate.open()
        await #expect(throws: EngineError.shutDown) { _ = try await Answered(stream) }
        await ended.value
        #expect(engine.metrics.usedPages == 0)
    }

    @Test func `cancelling the one who drains ends the engine at once`() async throws {
        let gate = StepGate()
        let engine = try Engine.testing(gate.model())
        var steps = gate.arrivals.makeAsyncIterator()
        let stream = engine.generate(Requests.greedy(Requests.prompt("abc"), count: 200))
        _ = await steps.next()
        let drain = Task.immediate { await engine.shutdown(.drain) }
        drain.cancel()
        gate.open()
        await #expect(throws: EngineError.shutDown) { _ = try await Answered(stream) }
        await drain.value
    }

    @Test func `an engine that nobody holds any more fails its requests`() async throws {
        let gate = StepGate()
        var engine: Engine? = try Engine.testing(gate.model())
        var steps = gate.arrivals.makeAsyncIterator()
        let stream = try #require(engine).generate(Requests.greedy(Requests.prompt("abc"), count: 200))
        _ = await steps.next()
        engine = nil
        gate.open()
        await #expect(throws: EngineError.shutDown) { _ = try await Answered(stream) }
    }

    @Test func `the metrics add up`() async throws {
        let engine = try Engine.testing()
        let image = Requests.image(1, tokens: 6)
        let prompts = [Requests.prompt("one"), Requests.prompt("a", image, "b"), Requests.prompt("c", image, "d")]
        var tokens = 0
        for (index, prompt) in (prompts + prompts).enumerated() {
            let answer = try await Answered(engine.generate(Requests.greedy(prompt, count: 3 + index)))
            tokens += prompt.tokens.count - (answer.summary?.cachedTokens ?? 0)
        }
        await engine.shutdown()
        let metrics = engine.metrics
        #expect(metrics.finishedRequests == 6)
        #expect(metrics.generatedTokens == (3...8).reduce(0, +))
        #expect(metrics.prefilledTokens == tokens)
        #expect(metrics.prefixCacheQueries == 2 * prompts.reduce(0) { $0 + $1.tokens.count })
        #expect(metrics.prefixCacheQueries - metrics.prefixCacheHits == tokens)
        #expect(metrics.imageCacheQueries == 4)
        #expect(metrics.imageCacheHits == 3)
        #expect(metrics.encodedImages == 1)
        #expect(metrics.imageCacheBytes == 6 * PageReadingModel.featureWidth * 4)
        // One encoding; every other step decodes one token, or computes one whole prompt.
        #expect(metrics.steps == 1 + metrics.generatedTokens)
        #expect(metrics.encodeTime > .zero)
        #expect(metrics.prefillTime > .zero)
        #expect(metrics.decodeTime > .zero)
        #expect(metrics.longestStepTime >= metrics.lastStepTime)
        #expect(metrics.totalPages == 256)
    }
}
