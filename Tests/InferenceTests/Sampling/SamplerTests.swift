import Foundation
import Inference
import Models
import Testing

@testable import struct Inference.Sampler

struct SamplerTests {
    /// A case of Tests/Fixtures/inference/sampling.json.
    struct Golden: Decodable, Sendable, CustomTestStringConvertible {
        struct Parameters: Decodable, Sendable {
            var temperature, topP, minP, presencePenalty, frequencyPenalty, repetitionPenalty: Float?
            var topK, minTokens: Int?
            var endTokens: [Int32]?
            var logitBias: [String: Float]?
        }

        let parameters: Parameters
        let logits: [Float]
        let prompt: [Int32]
        let answer: [Int32]
        let probabilities: [Double]

        var testDescription: String { "\(parameters)" }

        var sampling: SamplingParameters {
            var sampling = SamplingParameters()
            sampling.temperature = parameters.temperature ?? 1
            sampling.topP = parameters.topP ?? 1
            sampling.topK = parameters.topK ?? 0
            sampling.minP = parameters.minP ?? 0
            sampling.presencePenalty = parameters.presencePenalty ?? 0
            sampling.frequencyPenalty = parameters.frequencyPenalty ?? 0
            sampling.repetitionPenalty = parameters.repetitionPenalty ?? 1
            sampling.minTokens = parameters.minTokens ?? 0
            for (token, bias) in parameters.logitBias ?? [:] { sampling.logitBias[Int32(token) ?? -1] = bias }
            return sampling
        }

        static func all() throws -> [Golden] {
            let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
            let file = try Data(contentsOf: folder.appending(path: "Fixtures/inference/sampling.json"))
            return try JSONDecoder().decode([Golden].self, from: file)
        }
    }

    private static func softmax(_ logits: [Float]) -> [Double] {
        let greatest = logits.max() ?? 0
        let weights = logits.map { exp(Double($0 - greatest)) }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    private func sampler(_ parameters: SamplingParameters, seed: UInt64 = 0) -> Sampler {
        Sampler(parameters, prompt: Prompt(tokens: [0]), endTokens: [], seed: seed)
    }

    @Test(arguments: try Golden.all())
    func `the rules leave the distribution of the reference`(golden: Golden) {
        var sampler = Sampler(
            golden.sampling, prompt: Prompt(tokens: golden.prompt),
            endTokens: Set(golden.parameters.endTokens ?? []), seed: 0)
        for token in golden.answer { sampler.note(token) }
        let probabilities = Self.softmax(sampler.ruled(golden.logits[...]))
        for (found, expected) in zip(probabilities, golden.probabilities) {
            #expect(abs(found - expected) < 2e-6)
            #expect((found == 0) == (expected == 0))
        }
    }

    @Test func `temperature nought takes the likeliest, of equals the first`() {
        var greedy = sampler(.greedy())
        let chosen = [greedy.next([0, 3, -1, 3]), greedy.next([-9, -8, -.infinity, -8])]
        #expect(chosen.map { $0?.id } == [1, 1])
    }

    @Test func `greedy choice finds the likeliest wherever it lies`() {
        var random = SeededGenerator(3)
        var greedy = sampler(.greedy())
        for length in [1, 2, 15, 16, 17, 31, 33, 1000] {
            var logits = (0..<length).map { _ in Float.random(in: -5...5, using: &random) }
            let place = Int.random(in: 0..<length, using: &random)
            logits[place] = 6
            let chosen = [greedy.next(logits[...]), greedy.next(([9, 9] + logits)[2...])]
            #expect(chosen.map { $0?.id } == [Int32(place), Int32(place)])
        }
    }

    @Test func `greedy choice obeys bias, penalties and the least length`() {
        var parameters = SamplingParameters.greedy()
        parameters.logitBias = [2: 100]
        parameters.frequencyPenalty = 2
        parameters.minTokens = 1
        var sampler = Sampler(parameters, prompt: Prompt(tokens: [0]), endTokens: [2], seed: 0)
        let chosen = (0..<3).map { _ in sampler.next([1, 0.5, -96])?.id }
        #expect(chosen == [0, 2, 2])  // 2 is forbidden, then 4 ahead, then 2 ahead
    }

    @Test(arguments: [[Float.nan, .nan], [.infinity, 0], [-.infinity, -.infinity]])
    func `logits that are no numbers give no token`(logits: [Float]) {
        var greedy = sampler(.greedy()), random = sampler(SamplingParameters())
        let chosen = [greedy.next(logits[...]), random.next(logits[...])]
        #expect(chosen == [nil, nil])
    }

    @Test func `draws follow the distribution along an answer and across seeds`() {
        let logits: [Float] = [0, 1, 2, -1, 0.5, -3, 1.5, 2.5]
        let expected = Self.softmax(logits), draws = 6000
        var along = sampler(SamplingParameters(), seed: 11)
        var counts = [Array(repeating: 0.0, count: 8), Array(repeating: 0.0, count: 8)]
        for seed in 0..<draws {
            var across = sampler(SamplingParameters(), seed: UInt64(seed))
            counts[0][Int(along.next(logits[...])?.id ?? 0)] += 1
            counts[1][Int(across.next(logits[...])?.id ?? 0)] += 1
        }
        for count in counts {
            let chiSquare = zip(count, expected).reduce(0) { sum, pair in
                let wanted = pair.1 * Double(draws)
                return sum + (pair.0 - wanted) * (pair.0 - wanted) / wanted
            }
            #expect(chiSquare < 24.3)  // 99.9 % of honest draws with 7 degrees of freedom
        }
    }

    @Test func `the same seed draws the same tokens, another seed others`() {
        func draws(_ seed: UInt64?) -> [Int32?] {
            var parameters = SamplingParameters()
            parameters.seed = seed
            var sampler = sampler(parameters, seed: 99)
            return (0..<20).map { _ in sampler.next(Array(repeating: 0, count: 50)[...])?.id }
        }
        #expect(draws(7) == draws(7))
        #expect(draws(7) != draws(8))
        #expect(draws(nil) == draws(99))
    }

    @Test func `log probabilities are the raw model's, whatever the rules did`() throws {
        let logits: [Float] = [1, 3, 2, 0, 3]
        var parameters = SamplingParameters.greedy()
        parameters.topLogprobs = 3
        parameters.logitBias = [0: 50]
        var sampler = sampler(parameters)
        let chosen = sampler.next(logits[...])
        let token = try #require(chosen)
        let expected = Self.softmax(logits).map { log($0) }
        #expect(token.id == 0)
        #expect(abs(Double(token.logprob ?? 0) - expected[0]) < 1e-6)
        #expect(token.alternatives.map(\.id) == [1, 4, 2])
        for alternative in token.alternatives {
            #expect(abs(Double(alternative.logprob) - expected[Int(alternative.id)]) < 1e-6)
        }
    }

    @Test func `no log probabilities unless asked for, and only the chosen one's for nought`() throws {
        var parameters = SamplingParameters.greedy()
        var silent = sampler(parameters)
        let unmarked = silent.next([1, 2])
        #expect(try #require(unmarked).logprob == nil)
        parameters.topLogprobs = 0
        var brief = sampler(parameters)
        let marked = brief.next([1, 2])
        let token = try #require(marked)
        #expect(token.logprob != nil)
        #expect(token.alternatives.isEmpty)
    }

    @Test func `top-k over more tokens than have a number as logit cuts none off`() {
        var parameters = SamplingParameters()
        parameters.temperature = 1
        parameters.topK = 3
        let sampler = sampler(parameters)
        #expect(sampler.ruled([.nan, 1, 2, .nan, .nan])[1...2] == [1, 2])
        #expect(sampler.ruled([.infinity, 1, 2, 3])[1...] == [1, 2, 3])
    }

    @Test func `places of images are not penalised as words of the prompt`() {
        var parameters = SamplingParameters.greedy()
        parameters.repetitionPenalty = 10
        let prompt = Requests.prompt("ab", Requests.image(1, tokens: 3), "")
        let sampler = Sampler(parameters, prompt: prompt, endTokens: [], seed: 0)
        let ruled = sampler.ruled(Array(repeating: Float(1), count: 260)[...])
        #expect(ruled[Int(ByteTokenizer.image)] == 1)
        #expect(ruled[97] == 0.1)
    }

    @Test func `only allowed tokens are chosen, greedily and by chance`() {
        var parameters = SamplingParameters.greedy()
        parameters.allowedTokens = [3, 1]
        var greedy = sampler(parameters)
        #expect(greedy.next([9, 1, 8, 2])?.id == 3)
        parameters.temperature = 2
        (parameters.topP, parameters.topK, parameters.minP) = (0.9, 3, 0.01)
        var random = sampler(parameters)
        let drawn = Set((0..<200).compactMap { _ in random.next([9, 1, 8, 2])?.id })
        #expect(drawn == [1, 3])
    }

    @Test func `a bad word is forbidden where it would be complete, and only there`() {
        var parameters = SamplingParameters.greedy()
        parameters.badWords = [[0, 1, 2], [3]]
        var sampler = sampler(parameters)
        let logits: [[Float]] = [
            [1, 0, 0, 9], [0, 1, 0, 9], [0, 0.5, 1, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0],
        ]
        // 3 never; 2 after 0, 1 only.
        #expect(logits.map { sampler.next($0[...])?.id } == [0, 1, 1, 2, 0, 2])
    }

    @Test func `rules that leave nothing give no token`() {
        var parameters = SamplingParameters.greedy()
        parameters.allowedTokens = [1]
        parameters.badWords = [[1]]
        var sampler = sampler(parameters)
        #expect(sampler.next([1, 2, 3]) == nil)
    }

    @Test func `named tokens' probabilities come after the likeliest ones, each once`() throws {
        var parameters = SamplingParameters.greedy()
        (parameters.topLogprobs, parameters.logprobTokens) = (2, [0, 1, 2])
        var sampler = sampler(parameters)
        let chosen = sampler.next([0, 3, -5, 2])
        let token = try #require(chosen)
        #expect(token.alternatives.map(\.id) == [1, 3, 0, 2])
        let expected = Self.softmax([0, 3, -5, 2]).map { log($0) }
        #expect(token.alternatives.allSatisfy { abs(Double($0.logprob) - expected[Int($0.id)]) < 1e-6 })
    }
}
