import Compute
import Foundation
import Testing

@testable import Models

/// What quantising costs: how likely docent-mini finds the true captions of scenes that it was never trained on.
///
/// The twelve samples here; `DOCENT_HOLDOUT` names a folder made by `Tests/Reference/docent-mini/make_holdout.py` for
/// figures worth quoting.
struct QuantizedLikelihoodTests {
    struct Sample: Decodable {
        struct Truth: Decodable { var description, caption: String }
        var file: String
        var truth: Truth
    }

    struct Likelihoods {
        /// ln p of each token of the truths, and the whole distribution at its place.
        var tokens: [Double] = []
        var distributions: [[Double]] = []

        var meanNegative: Double { -tokens.reduce(0, +) / Double(tokens.count) }

        /// Mean of Σ p ln(p/q), where p are these and q the others.
        func divergence(of other: Likelihoods) -> Double {
            let places = zip(distributions, other.distributions).map { mine, theirs in
                zip(mine, theirs).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
            }
            return places.reduce(0, +) / Double(places.count)
        }
    }

    private static let folder =
        ProcessInfo.processInfo.environment["DOCENT_HOLDOUT"] ?? DocentMiniTests.repository + "/jobs/samples"
    private let backend = CPUBackend(threads: 2)

    /// Found on these twelve pictures: 0.13 and 0.19 %.
    @Test func `8 bits cost at most half a percent of the likelihood of true captions, 4 bits three`() throws {
        struct File: Decodable { var samples: [Sample] }
        let file = try Data(contentsOf: URL(filePath: Self.folder + "/expected.json"))
        let samples = try JSONDecoder().decode(File.self, from: file).samples
        let exact = try likelihoods(of: samples, .none)
        for (quantization, limit) in [(LoadOptions.Quantization.q8, 0.005), (.q4, 0.03)] {
            let found = try likelihoods(of: samples, quantization)
            let cost = found.meanNegative / exact.meanNegative - 1
            let divergence = exact.divergence(of: found)
            print(
                "\(quantization): \(found.meanNegative) against \(exact.meanNegative), \(cost * 100) % more; "
                    + "divergence \(divergence) over \(exact.tokens.count) tokens")
            #expect(abs(cost) < limit)
            #expect(divergence < limit && divergence > 0)
        }
    }

    private func likelihoods(
        of samples: [Sample], _ quantization: LoadOptions.Quantization
    ) throws -> Likelihoods {
        let model = try ModelLoader.load(
            DocentMiniTests.repository + "/Sources/docent/docent-mini", backend: backend,
            options: LoadOptions(quantization: quantization))
        let end = try #require(model.generation.stopTokens.first)
        var likelihoods = Likelihoods()
        for sample in samples {
            let picture = try ImageDecoder.decode(contentsOf: Self.folder + "/" + sample.file)
            let image = try model.processor.process(picture, maxTiles: nil)
            for (question, truth) in [
                ("Describe this image.", sample.truth.description), ("Caption:", sample.truth.caption),
            ] {
                let message = ChatMessage(role: "user", content: [.image, .text(question)])
                var prompt = try model.processor.prompt(for: [message], images: [image])
                let answer = model.tokenizer.encode(" " + truth) + [end]
                let rows = (0..<answer.count).map { Int32(prompt.tokens.count - 1 + $0) }
                prompt.tokens += answer
                let generation = try GreedyGeneration(prompt, length: 1, on: model.model, backend)
                let logits = try generation.prefill(logitRows: rows)
                let width = model.model.shape.vocabulary
                for (index, token) in answer.enumerated() {
                    let place = Self.logSoftmax(logits[index * width..<(index + 1) * width])
                    likelihoods.tokens.append(place[Int(token)])
                    likelihoods.distributions.append(place)
                }
            }
        }
        return likelihoods
    }

    private static func logSoftmax(_ logits: ArraySlice<Float>) -> [Double] {
        let top = Double(logits.max() ?? 0)
        let sum = logits.reduce(0) { $0 + exp(Double($1) - top) }
        return logits.map { Double($0) - top - log(sum) }
    }
}
