import Compute
import Inference
import Models
import Testing

/// What one request does wrong, or the device does to it, is its own affair; a lost device is everybody's.
@Suite(.timeLimit(.minutes(5)))
struct EngineFailureTests {
    private static let shortage = ComputeError.outOfMemory(device: "test", byteCount: 1)

    /// Answers `failing` together with two sound requests, which must have their own answers.
    private func error(of failing: Prompt, _ model: PageReadingModel) async throws -> EngineError? {
        let engine = try Engine.testing(model)
        let prompts = [Requests.prompt("sound"), Requests.prompt("also ", Requests.image(1, tokens: 3), "sound")]
        let streams = prompts.map { engine.generate(Requests.greedy($0, count: 20)) }
        let failure = engine.generate(Requests.greedy(failing, count: 20))
        var found: EngineError?
        do { _ = try await Answered(failure) } catch { found = error as? EngineError }
        for (stream, prompt) in zip(streams, prompts) {
            #expect(try await Answered(stream).ids == PageReadingModel.expectedAnswer(to: prompt, count: 20))
        }
        await engine.shutdown()
        #expect(engine.metrics.usedPages == 0)
        #expect(engine.metrics.failedRequests == 1)
        return found
    }

    @Test func `an image that cannot be encoded fails its request`() async throws {
        var model = PageReadingModel()
        model.onSlice = { image, _ in if image.pixels[0] == 13 { throw Self.shortage } }
        let prompt = Requests.prompt("see ", Requests.image(13, tokens: 3), "?")
        #expect(try await error(of: prompt, model) == .requestFailed(reason: "\(Self.shortage)"))
    }

    @Test func `a request that is too much for the device fails, its company does not`() async throws {
        var model = PageReadingModel()
        model.onForward = { if $0.tokens.contains(33) { throw Self.shortage } }
        let found = try await error(of: Requests.prompt("too much!"), model)
        // Tokens 33 may also come up in answers: the company's answers hold none.
        #expect(found == .requestFailed(reason: "\(Self.shortage)"))
    }

    @Test func `logits that are no numbers fail their request`() async throws {
        var model = PageReadingModel()
        model.brokenAfter = 33
        #expect(try await error(of: Requests.prompt("broken!"), model) == .invalidLogits(position: 6))
    }

    @Test func `features of the wrong size fail their request`() async throws {
        var model = PageReadingModel()
        model.excessRows = 1
        let engine = try Engine.testing(model)
        let image = Requests.image(1, tokens: 3)
        await #expect(
            throws: EngineError.wrongFeatures(image: image.hash.description, expectedRows: 3, foundRows: 4)
        ) {
            try await Answered(engine.generate(Requests.greedy(Requests.prompt("", image, "x"), count: 2)))
        }
        await engine.shutdown()
    }

    @Test func `a lost device fails everything with one error, then and from then on`() async throws {
        let gate = StepGate()
        let loss = ComputeError.deviceLost(device: "test", reason: "unplugged")
        let engine = try Engine.testing(
            gate.model { model in
                let wait = model.onForward
                model.onForward = {
                    try wait($0)
                    if $0.layout.sequences.count == 3 { throw loss }
                }
            })
        var steps = gate.arrivals.makeAsyncIterator()
        let request = Requests.greedy(Requests.prompt("abc"), count: 50)
        var streams = [engine.generate(request)]
        _ = await steps.next()
        streams += [engine.generate(request), engine.generate(request)]
        gate.open()
        let expected = EngineError.deviceLost(reason: "\(loss)")
        for stream in streams { await #expect(throws: expected) { try await Answered(stream) } }
        await #expect(throws: expected) { try await Answered(engine.generate(request)) }
        await engine.shutdown()
    }

    @Test func `an engine that cannot be made says why`() {
        let changes: [(inout EngineConfiguration) -> Void] = [
            { $0.maxSequences = 0 }, { $0.pageSize = 0 }, { $0.maxBatchTokens = 8 }, { $0.maxWaiting = -1 },
            { $0.imageCacheBytes = -1 }, { $0.kvCache = .tokens(3) }, { $0.kvCache = .bytes(0) },
        ]
        for change in changes {
            #expect {
                try Engine.testing(PageReadingModel(), change)
            } throws: { error in
                if case .invalidConfiguration? = error as? EngineError { true } else { false }
            }
        }
    }

    @Test func `a cache larger than its sequences can fill is not taken`() throws {
        var configuration = EngineConfiguration()
        configuration.maxSequences = 2
        configuration.kvCache = .bytes(1 << 40)
        let shape = try configuration.kvCacheShape(for: PageReadingModel(contextLength: 250).shape)
        #expect(shape.pages == 32)
        configuration.kvCache = .bytes(10 * 16 * 2 * 2 * 2 * 2 * 4)
        #expect(try configuration.kvCacheShape(for: PageReadingModel().shape).pages == 10)
    }
}
