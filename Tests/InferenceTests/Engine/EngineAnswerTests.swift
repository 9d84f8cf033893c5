import Inference
import Models
import Testing

/// The same request has the same answer whatever happens around it.
struct EngineAnswerTests {
    /// Prompts that share beginnings, with images that share placeholders, short and long.
    private static let requests: [GenerationRequest] = {
        let first = Requests.image(1, tokens: 9), second = Requests.image(2, tokens: 9)
        let prompts = [
            Requests.prompt("a cat"), Requests.prompt("a cat on a mat, and then some more of the same"),
            Requests.prompt("a cat on a mat, and then a dog"), Requests.prompt("system: ", first, " what is it?"),
            Requests.prompt("system: ", second, " what is it?"), Requests.prompt("system: ", first, " who is it?"),
            Requests.prompt("x"), Requests.prompt(String(repeating: "long ", count: 25)),
        ]
        return prompts.enumerated().map { index, prompt in
            Requests.greedy(
                prompt, count: 12 + 3 * index, id: "\(index)", priority: index % 3 == 0 ? .bulk : .interactive)
        }
    }()

    private static let expected = requests.map {
        PageReadingModel.expectedAnswer(to: $0.prompt, count: $0.sampling.maxTokens ?? 0)
    }

    /// `gate` opens when every request is in, so that they really meet.
    private func answers(of engine: Engine, behind gate: StepGate) async throws -> [[Int32]] {
        try await withThrowingTaskGroup(of: (Int, [Int32]).self) { group in
            for (index, request) in Self.requests.enumerated() {
                let stream = engine.generate(request)
                group.addTask { (index, try await Answered(stream).ids) }
            }
            gate.open()
            var answers = Array(repeating: [Int32](), count: Self.requests.count)
            for try await (index, ids) in group { answers[index] = ids }
            return answers
        }
    }

    @Test func `requests answered one after the other have the model's answers`() async throws {
        let engine = try Engine.testing()
        for (request, expected) in zip(Self.requests, Self.expected) {
            #expect(try await Answered(engine.generate(request)).ids == expected)
        }
        await engine.shutdown()
    }

    @Test func `requests in company have the answers that they have alone`() async throws {
        let gate = StepGate()
        let engine = try Engine.testing(gate.model())
        #expect(try await answers(of: engine, behind: gate) == Self.expected)
        #expect(engine.metrics.usedPages == 0)
        await engine.shutdown()
    }

    @Test(arguments: [1, 2, 3, 5, 7, 16, 33])
    func `the size of prefill chunks changes no answer`(chunk: Int) async throws {
        let gate = StepGate()
        let engine = try Engine.testing(gate.model()) {
            $0.maxSequences = min(chunk, 8)
            $0.maxBatchTokens = $0.maxSequences + chunk
        }
        #expect(try await answers(of: engine, behind: gate) == Self.expected)
        await engine.shutdown()
    }

    @Test(arguments: [160, 176, 200])
    func `preemption changes no answer`(cacheTokens: Int) async throws {
        let gate = StepGate()
        let engine = try Engine.testing(gate.model()) { $0.kvCache = .tokens(cacheTokens) }
        #expect(try await answers(of: engine, behind: gate) == Self.expected)
        #expect(engine.metrics.preemptions > 0)
        #expect(engine.metrics.usedPages == 0)
        await engine.shutdown()
    }

    @Test(arguments: [1, 4, 5, 16])
    func `the size of pages changes no answer`(pageSize: Int) async throws {
        let gate = StepGate()
        let engine = try Engine.testing(gate.model()) { $0.pageSize = pageSize }
        #expect(try await answers(of: engine, behind: gate) == Self.expected)
        await engine.shutdown()
    }

    @Test func `a prompt that was there before is taken from the cache, up to its last token`() async throws {
        let engine = try Engine.testing()
        let request = Requests.greedy(Requests.prompt("0123456789abcdef"), count: 4)
        let first = try await Answered(engine.generate(request))
        let second = try await Answered(engine.generate(request))
        #expect(first.summary?.cachedTokens == 0)
        #expect(second.summary?.cachedTokens == 12)  // 16 tokens are four full pages; the last holds the last token
        #expect(first.ids == second.ids)
        #expect(engine.metrics.prefixCacheHits == 12)
        #expect(engine.metrics.prefixCacheQueries == 32)
        await engine.shutdown()
    }

    @Test func `an answer is a prefix for the next turn`() async throws {
        let engine = try Engine.testing()
        let first = Requests.greedy(Requests.prompt("01234567"), count: 9)
        let answer = try await Answered(engine.generate(first)).ids
        let next = Prompt(tokens: first.prompt.tokens + answer + ByteTokenizer.tokens("and?"))
        let second = try await Answered(engine.generate(Requests.greedy(next, count: 5)))
        #expect(second.summary?.cachedTokens == 16)  // 8 + 9 tokens, of which the last was never computed
        #expect(second.ids == PageReadingModel.expectedAnswer(to: next, count: 5))
        await engine.shutdown()
    }

    @Test func `another image behind the same placeholders is another prefix`() async throws {
        let engine = try Engine.testing()
        let prompts = [1, 2, 1].map { Requests.prompt("see", Requests.image($0, tokens: 10), "what?") }
        var cached: [Int?] = []
        for prompt in prompts {
            let answer = try await Answered(engine.generate(Requests.greedy(prompt, count: 6)))
            #expect(answer.ids == PageReadingModel.expectedAnswer(to: prompt, count: 6))
            cached.append(answer.summary?.cachedTokens)
        }
        #expect(cached == [0, 0, 16])
        #expect(engine.metrics.encodedImages == 2)
        #expect(engine.metrics.imageCacheHits == 1)
        await engine.shutdown()
    }

    @Test func `seeded sampling gives the same answer alone, in company and after preemption`() async throws {
        func sampled(_ engine: Engine, _ index: Int) -> AsyncThrowingStream<GenerationEvent, any Error> {
            var request = Self.requests[index]
            request.sampling.temperature = 0.9
            request.sampling.topP = 0.8
            request.sampling.frequencyPenalty = 0.5
            request.sampling.seed = UInt64(index)
            return engine.generate(request)
        }
        let gate = StepGate()
        let alone = try Engine.testing(), crowded = try Engine.testing(gate.model()) { $0.kvCache = .tokens(176) }
        let streams = Self.requests.indices.map { sampled(crowded, $0) }
        gate.open()
        for index in Self.requests.indices {
            let expected = try await Answered(sampled(alone, index)).ids
            #expect(try await Answered(streams[index]).ids == expected)
        }
        #expect(crowded.metrics.preemptions > 0)
        await alone.shutdown()
        await crowded.shutdown()
    }
}
