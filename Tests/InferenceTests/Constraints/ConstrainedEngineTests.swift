import Inference
import Models
import Testing

@testable import struct Inference.Sampler

/// Constraints where tokens are chosen and answers end.
@Suite(.aside) struct ConstrainedEngineTests {
    private static let compiler = ConstraintCompiler(tokenizer: ByteTokenizer.tokenizer, endTokens: [ByteTokenizer.end])

    private static func request(
        _ source: OutputConstraint, _ change: (inout SamplingParameters) -> Void = { _ in }
    ) throws -> GenerationRequest {
        var sampling = SamplingParameters()
        sampling.constraint = source
        sampling.seed = 4
        sampling.maxTokens = 60
        change(&sampling)
        return GenerationRequest(
            id: "test", prompt: Requests.prompt("abc"), sampling: sampling, constraint: try compiler.compile(source))
    }

    @Test func `an answer that its constraint completes ends at once, whatever the request says of ends`() async throws
    {
        let engine = try Engine.testing()
        let request = try Self.request(.regex("[a-z]{5}")) {
            $0.ignoreEndOfSequence = true
            $0.minTokens = 40
        }
        let answer = try await Answered(engine.generate(request))
        #expect(answer.text.wholeMatch(of: /[a-z]{5}/) != nil, "\(answer.text)")
        #expect(answer.summary?.finishReason == .stop && answer.summary?.completionTokens == 5)
        await engine.shutdown()
    }

    @Test func `where an answer may end but need not, the model's end token is allowed, unless ends are ignored`()
        async throws
    {
        let engine = try Engine.testing()
        let free = try await Answered(
            engine.generate(try Self.request(.regex("[ab]+")) { $0.logitBias = [ByteTokenizer.end: 100] }))
        #expect(free.text.count == 1 && free.summary?.finishReason == .stop)
        let long = try await Answered(
            engine.generate(
                try Self.request(.regex("[ab]+")) {
                    $0.logitBias = [ByteTokenizer.end: 100]
                    $0.ignoreEndOfSequence = true
                }))
        #expect(long.summary?.finishReason == .length && long.text.count == 60)
        await engine.shutdown()
    }

    @Test func `a constraint that was not compiled is an error, not free text`() async throws {
        let engine = try Engine.testing()
        var request = try Self.request(.regex("a"))
        request.constraint = nil
        await #expect(throws: EngineError.self) { try await Answered(engine.generate(request)) }
        await engine.shutdown()
    }

    @Test func `rules that leave nothing fail the request alone`() async throws {
        let engine = try Engine.testing()
        let request = try Self.request(.regex("a+")) { $0.allowedTokens = [98] }
        await #expect(throws: EngineError.noTokenAllowed) { try await Answered(engine.generate(request)) }
        let other = try await Answered(engine.generate(try Self.request(.choice(["x"]))))
        #expect(other.text == "x")
        await engine.shutdown()
    }

    @Test func `probabilities that are reported stay the model's own`() throws {
        let constraint = try Self.compiler.compile(.regex("b"))
        var parameters = SamplingParameters.greedy()
        parameters.topLogprobs = 1
        var sampler = Sampler(
            parameters, prompt: Prompt(tokens: [0]), endTokens: [], seed: 0, constraint: constraint)
        var logits = [Float](repeating: -50, count: ByteTokenizer.vocabulary)
        (logits[97], logits[98]) = (3, 1)
        let chosen = sampler.next(logits[...])
        let token = try #require(chosen)
        #expect(token.id == 98 && token.alternatives.map(\.id) == [97])
        #expect(abs((token.logprob ?? 0) + 2.1269) < 1e-3)
        #expect(sampler.mustEnd)
    }
}
