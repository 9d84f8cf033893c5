import Compute
import Foundation
import Inference
import Models
import Testing

/// docent-mini on the CPU: a trained model, real pictures, and the answers that the reference gave in f32.
@Suite(.timeLimit(.minutes(5)))
struct RealModelTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")

    /// What `jobs/samples/expected.json` says of each picture.
    private struct Expectations: Decodable {
        struct Sample: Decodable {
            struct Answer: Decodable { let prompt, answer: String }

            let file: String
            let answers: [String: Answer]

            enum CodingKeys: String, CodingKey {
                case file
                case answers = "model_f32_greedy"
            }
        }

        let samples: [Sample]
    }

    private struct Question {
        let request: GenerationRequest
        let answer: String
    }

    /// Two questions about each of `pictures` samples.
    private static func questions(_ pictures: Int, _ model: LoadedModel) throws -> [Question] {
        let folder = root.appending(path: "jobs/samples")
        let json = try Data(contentsOf: folder.appending(path: "expected.json"))
        let samples = try JSONDecoder().decode(Expectations.self, from: json).samples
        return try samples.prefix(pictures).flatMap { sample in
            let picture = try ImageDecoder.decode(contentsOf: folder.appending(path: sample.file).path())
            let image = try model.processor.process(picture, maxTiles: nil)
            return try ["describe", "caption"].compactMap { sample.answers[$0] }.map { expected in
                let message = ChatMessage(role: "user", content: [.image, .text(expected.prompt)])
                let prompt = try model.processor.prompt(for: [message], images: [image])
                let request = GenerationRequest(id: sample.file, prompt: prompt, sampling: .greedy(maxTokens: 40))
                // The reference's text is stripped; the model writes a space after "Assistant:".
                return Question(request: request, answer: " " + expected.answer)
            }
        }
    }

    /// Few enough pages that eight requests preempt one another, and chunks that cut images in two.
    private static func engine(_ model: LoadedModel, _ backend: any Backend, cacheTokens: Int) throws -> Engine {
        var configuration = EngineConfiguration()
        configuration.maxSequences = 8
        configuration.maxBatchTokens = 48
        configuration.kvCache = .tokens(cacheTokens)
        return try Engine(model: model, backend: backend, configuration: configuration)
    }

    @Test func `eight requests together have the reference's answers, as each has alone`() async throws {
        let backend = CPUBackend(threads: 2)
        let model = try ModelLoader.load(
            Self.root.appending(path: "Sources/docent/docent-mini").path(), backend: backend)
        let questions = try Self.questions(4, model)
        try #require(questions.count == 8)

        let alone = try Self.engine(model, backend, cacheTokens: 1024)
        for question in questions {
            let answer = try await Answered(alone.generate(question.request))
            #expect(answer.text == question.answer)
            #expect(answer.summary?.finishReason == .stop)
        }
        await alone.shutdown()
        #expect(alone.metrics.encodedImages == 4)
        #expect(alone.metrics.prefixCacheHits > 0)

        let together = try Self.engine(model, backend, cacheTokens: 384)
        let streams = questions.map { together.generate($0.request) }
        for (stream, question) in zip(streams, questions) {
            #expect(try await Answered(stream).text == question.answer)
        }
        await together.shutdown()
        #expect(together.metrics.generatedTokens == alone.metrics.generatedTokens)
        #expect(together.metrics.steps < alone.metrics.steps)
    }

    /// Small and large batches must round activations alike.
    @Test func `with 8-bit weights company changes no answer`() async throws {
        let backend = CPUBackend(threads: 2)
        let model = try ModelLoader.load(
            Self.root.appending(path: "Sources/docent/docent-mini").path(), backend: backend,
            options: LoadOptions(quantization: .q8))
        let questions = try Self.questions(4, model)
        let engine = try Self.engine(model, backend, cacheTokens: 1024)
        var alone: [[Int32]] = []
        for question in questions { alone.append(try await Answered(engine.generate(question.request)).ids) }
        let streams = questions.map { engine.generate($0.request) }
        for (stream, answer) in zip(streams, alone) { #expect(try await Answered(stream).ids == answer) }
        await engine.shutdown()
    }
}
