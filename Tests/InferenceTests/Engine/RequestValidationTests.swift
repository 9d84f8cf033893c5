import Inference
import Models
import Testing

@testable import struct Inference.RequestValidation

struct RequestValidationTests {
    private let validation = RequestValidation(vocabulary: 260, maxSequenceTokens: 20)

    private func refusal(
        _ prompt: Prompt = Requests.prompt("abcde"), _ change: (inout SamplingParameters) -> Void = { _ in }
    ) -> EngineError? {
        var request = GenerationRequest(id: "x", prompt: prompt, sampling: SamplingParameters())
        change(&request.sampling)
        do throws(EngineError) {
            _ = try validation.answerLimit(of: request)
            return nil
        } catch {
            return error
        }
    }

    struct Range: Sendable {
        let name: String
        let set: @Sendable (inout SamplingParameters, Float) -> Void
        let good: [Float]
        let bad: [Float]
    }

    @Test(arguments: [
        Range(name: "temperature", set: { $0.temperature = $1 }, good: [0, 2], bad: [-0.1, 2.1, .nan, .infinity]),
        Range(name: "top_p", set: { $0.topP = $1 }, good: [0.001, 1], bad: [0, 1.001, .nan]),
        Range(name: "min_p", set: { $0.minP = $1 }, good: [0, 1], bad: [-0.001, 1.001, .nan]),
        Range(name: "top_k", set: { $0.topK = Int($1) }, good: [0, 1, 5000], bad: [-1]),
        Range(name: "presence_penalty", set: { $0.presencePenalty = $1 }, good: [-2, 2], bad: [-2.1, 2.1, .nan]),
        Range(name: "frequency_penalty", set: { $0.frequencyPenalty = $1 }, good: [-2, 2], bad: [-2.1, 2.1, .nan]),
        Range(
            name: "repetition_penalty", set: { $0.repetitionPenalty = $1 }, good: [0.001, 9, 1000],
            bad: [0, .leastNonzeroMagnitude, 0.0009, 1001, 1e38, .infinity, .nan]),
        Range(name: "max_tokens", set: { $0.maxTokens = Int($1) }, good: [1, 15], bad: [0, -5]),
        Range(name: "min_tokens", set: { $0.minTokens = Int($1) }, good: [0, 15], bad: [-1, 21]),
        Range(name: "top_logprobs", set: { $0.topLogprobs = Int($1) }, good: [0, 20], bad: [-1, 21]),
        Range(name: "logit_bias", set: { $0.logitBias = [3: $1] }, good: [-100, 100], bad: [-101, 101, .nan]),
        Range(name: "logit_bias", set: { $0.logitBias = [Int32($1): 1] }, good: [0, 259], bad: [-1, 260]),
        Range(name: "stop_token_ids", set: { $0.stopTokens = [Int32($1)] }, good: [0, 259], bad: [-1, 260]),
        Range(name: "prompt_logprobs", set: { $0.promptLogprobs = Int($1) }, good: [0, 20], bad: [-1, 21]),
        Range(name: "allowed_token_ids", set: { $0.allowedTokens = [Int32($1)] }, good: [0, 259], bad: [-1, 260]),
        Range(name: "bad_words", set: { $0.badWords = [[1, Int32($1)]] }, good: [0, 259], bad: [-1, 260]),
        Range(
            name: "logprob_token_ids", set: { ($0.topLogprobs, $0.logprobTokens) = (0, [Int32($1)]) }, good: [0, 259],
            bad: [-1, 260]),
    ])
    func `parameters have vLLM's ranges`(range: Range) {
        for value in range.good { #expect(refusal { range.set(&$0, value) } == nil) }
        for value in range.bad {
            let found = refusal { range.set(&$0, value) }
            guard case .invalidParameter(range.name, _, _)? = found else {
                Issue.record("\(range.name) \(value) was not refused")
                continue
            }
        }
    }

    @Test func `an empty stop text and fewer most than least tokens are refused`() {
        #expect(refusal { $0.stop = ["a", ""] } != nil)
        #expect(
            refusal {
                $0.maxTokens = 3
                $0.minTokens = 4
            } != nil)
    }

    @Test func `prompt and answer must fit the context together`() throws {
        let tooLong = EngineError.promptTooLong(promptTokens: 5, maxTokens: 16, limit: 20)
        #expect(refusal { $0.maxTokens = 16 } == tooLong)
        #expect(refusal { $0.minTokens = 16 } == tooLong)
        let full = Requests.prompt(String(repeating: "x", count: 20))
        #expect(refusal(full) == .promptTooLong(promptTokens: 20, maxTokens: 1, limit: 20))
        let open = GenerationRequest(id: "x", prompt: Requests.prompt("abcde"), sampling: SamplingParameters())
        #expect(try validation.answerLimit(of: open) == 15)
    }

    @Test func `prompts that no model could run are refused`() {
        let image = Requests.image(1, tokens: 3), tokens = Array(repeating: ByteTokenizer.image, count: 6)
        func placed(_ positions: [[Int]]) -> Prompt {
            Prompt(tokens: tokens, images: positions.map { PlacedImage(image: image, positions: $0) })
        }
        #expect(refusal(placed([[0, 1, 2], [3, 4, 5]])) == nil)
        #expect(refusal(placed([[0, 2, 5]])) == nil)
        let bad = [
            Prompt(tokens: []), Prompt(tokens: [260]), Prompt(tokens: [-1]), placed([[0, 1]]), placed([[0, 1, 6]]),
            placed([[-1, 0, 1]]), placed([[0, 0, 1]]), placed([[2, 1, 0]]), placed([[3, 4, 5], [0, 1, 2]]),
            placed([[0, 1, 2], [2, 3, 4]]),
        ]
        for prompt in bad {
            guard case .invalidPrompt? = refusal(prompt) else {
                Issue.record("\(prompt.tokens) with \(prompt.images.map(\.positions)) was not refused")
                continue
            }
        }
    }

    @Test func `the engine refuses before it does anything`() async throws {
        let engine = try Engine.testing { $0.kvCache = .tokens(64) }
        #expect(engine.maxSequenceTokens == 64)
        await #expect(throws: EngineError.promptTooLong(promptTokens: 3, maxTokens: 62, limit: 64)) {
            try await Answered(engine.generate(Requests.greedy(Requests.prompt("abc"), count: 62)))
        }
        await engine.shutdown()
        #expect(engine.metrics.steps == 0)
    }
}
