import Foundation
import Inference
import Models
import Synchronization
import Testing

/// Probabilities of a prompt's own tokens, against a model whose logits are known by definition.
struct PromptLogprobsTests {
    private static let image = Requests.image(3, tokens: 9)
    private static let prompts = [
        Requests.prompt("x"), Requests.prompt("a cat on a mat"), Requests.prompt(String(repeating: "long ", count: 14)),
        Requests.prompt("system: ", image, " what is it?"),
    ]

    private static func request(_ prompt: Prompt, _ index: Int, most: Int = 2) -> GenerationRequest {
        var request = Requests.greedy(prompt, count: 5, id: "\(index)", priority: index % 2 == 0 ? .interactive : .bulk)
        request.sampling.promptLogprobs = most
        return request
    }

    /// By the definition: every token after all before it, likeliest first behind the token itself.
    private static func expected(_ prompt: Prompt, most: Int = 2) -> [[RankedToken]?] {
        var inputs = prompt.tokens.map { Float($0) }
        var places: Set<Int> = []
        for placed in prompt.images {
            for (row, position) in placed.positions.enumerated() {
                inputs[position] = PageReadingModel.feature(of: placed.image, row: row)
                places.insert(position)
            }
        }
        return prompt.tokens.indices.map { position in
            guard position > 0, !places.contains(position) else { return nil }
            let logits = PageReadingModel.logits(
                after: Array(inputs[..<position]), vocabulary: ByteTokenizer.vocabulary)
            let normaliser = log(logits.reduce(0.0) { $0 + exp(Double($1)) })
            func ranked(_ token: Int) -> RankedToken {
                RankedToken(
                    id: Int32(token), logprob: Float(Double(logits[token]) - normaliser),
                    rank: logits.count { $0 >= logits[token] })
            }
            let own = Int(prompt.tokens[position])
            let top = logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }.prefix(most)
            return [ranked(own)] + top.filter { $0 != own }.map(ranked)
        }
    }

    private static func check(_ answer: Answered, _ prompt: Prompt, _ label: Comment) throws {
        let found = try #require(answer.summary?.promptLogprobs, label)
        let expected = expected(prompt)
        #expect(found.map { $0?.map(\.id) } == expected.map { $0?.map(\.id) }, label)
        #expect(found.map { $0?.map(\.rank) } == expected.map { $0?.map(\.rank) }, label)
        for (found, expected) in zip(found.compactMap(\.self), expected.compactMap(\.self)) {
            for (token, wanted) in zip(found, expected) { #expect(abs(token.logprob - wanted.logprob) < 1e-4, label) }
        }
        #expect(answer.ids == PageReadingModel.expectedAnswer(to: prompt, count: 5), label)
    }

    @Test(arguments: [5, 56])
    func `they are the model's, in company and in chunks of any size`(chunk: Int) async throws {
        let gate = StepGate()
        let engine = try Engine.testing(gate.model()) {
            $0.maxSequences = 4
            $0.maxBatchTokens = 4 + chunk
        }
        let requests = Self.prompts.enumerated().map { Self.request($1, $0) }
        let streams = requests.map { engine.generate($0) }
        let unasked = engine.generate(Requests.greedy(Self.prompts[1], count: 5, id: "unasked"))
        gate.open()
        for (index, stream) in streams.enumerated() {
            try Self.check(try await Answered(stream), Self.prompts[index], "prompt \(index), chunk \(chunk)")
        }
        #expect(try await Answered(unasked).summary?.promptLogprobs == nil)
        await engine.shutdown()
    }

    @Test func `they are the model's after a preemption too, each once`() async throws {
        let gate = StepGate()
        let engine = try Engine.testing(gate.model()) { $0.kvCache = .tokens(96) }
        let prompt = Self.prompts[2]
        let bulk = engine.generate(Self.request(prompt, 1))
        // Three chunks, and then the answer's second token is under way.
        gate.pass(steps: 4)
        var arrivals = gate.arrivals.makeAsyncIterator()
        for _ in 0..<5 { _ = await arrivals.next() }
        let other = Requests.prompt(String(repeating: "other ", count: 10))
        let interactive = engine.generate(Requests.greedy(other, count: 5, id: "interactive"))
        gate.open()
        try Self.check(try await Answered(bulk), prompt, "preempted")
        #expect(try await Answered(interactive).ids == PageReadingModel.expectedAnswer(to: other, count: 5))
        #expect(engine.metrics.preemptions == 1)
        await engine.shutdown()
    }

    @Test func `a pass has few rows of logits however long the prompts are`() async throws {
        let most = Mutex(0)
        var model = PageReadingModel()
        model.onForward = { batch in most.withLock { $0 = max($0, batch.logitRows.count) } }
        let engine = try Engine.testing(model)
        let streams = (0..<3).map { engine.generate(Self.request(Self.prompts[2], $0)) }
        for stream in streams { _ = try await Answered(stream) }
        // 32 of a prompt, and one for each sequence.
        #expect(most.withLock { $0 } <= 32 + 3)
        await engine.shutdown()
    }

    @Test func `a prompt whose pages are remembered is computed all the same`() async throws {
        let engine = try Engine.testing()
        let prompt = Self.prompts[2]
        _ = try await Answered(engine.generate(Requests.greedy(prompt, count: 5)))
        let answer = try await Answered(engine.generate(Self.request(prompt, 0)))
        try Self.check(answer, prompt, "after another")
        #expect(answer.summary?.cachedTokens == 0)
        let other = try await Answered(engine.generate(Requests.greedy(prompt, count: 5)))
        #expect(other.summary?.cachedTokens ?? 0 > 0)
        await engine.shutdown()
    }

    @Test func `logits that are no numbers within the prompt fail the request`() async throws {
        var model = PageReadingModel()
        model.brokenAfter = 98
        let engine = try Engine.testing(model)
        await #expect(throws: EngineError.invalidLogits(position: 1)) {
            try await Answered(engine.generate(Self.request(Requests.prompt("abc"), 0)))
        }
        await engine.shutdown()
    }

    @Test func `rules that leave no token fail their request and no other`() async throws {
        let engine = try Engine.testing()
        var request = Requests.greedy(Requests.prompt("abc"), count: 5)
        request.sampling.allowedTokens = [5]
        request.sampling.badWords = [[5, 5]]
        await #expect(throws: EngineError.noTokenAllowed) { try await Answered(engine.generate(request)) }
        request.sampling.badWords = nil
        #expect(try await Answered(engine.generate(request)).ids == [5, 5, 5, 5, 5])
        await engine.shutdown()
    }
}
