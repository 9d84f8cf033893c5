import Compute
import Foundation
import Inference
import Models
import Testing

/// Tiny random checkpoints of every family in the engine, against what the reference computed for each prompt by itself.
@Suite(.timeLimit(.minutes(2)))
struct TinyCheckpointTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Fixtures/checkpoints")

    private struct Golden: Decodable {
        struct Case: Decodable {
            let name: String
            let parts: [String?]
            let images: [[Int]]
            let split: Bool
            let greedy: [Int32]
        }

        let cases: [Case]
    }

    /// The pictures of Tests/Reference/smolvlm_tiny.py.
    private static func picture(_ drawing: [Int]) -> RGBImage {
        let (width, height, seed) = (drawing[0], drawing[1], drawing[2])
        let pixels = (0..<width * height * 3).map { index in
            let (x, y, c) = (index / 3 % width, index / 3 / width, index % 3)
            let value = x * (3 + c) + y * (5 + 2 * c) + (x * y) / (7 + c) + seed * 31 + c * 85
            return UInt8(truncatingIfNeeded: value % 256)
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }

    @Test(arguments: [
        "smolvlm-tiny", "nemotron-tiny", "internvl-tiny", "qwen25vl-tiny", "qwen3vl-tiny", "llava-tiny", "gemma3-tiny",
    ])
    func `requests together have the reference's greedy tokens, whatever is cut in between`(
        _ checkpoint: String
    ) async throws {
        // Chunks that cut images in two, and too few pages for all prompts at once.
        var configuration = EngineConfiguration()
        configuration.maxSequences = 4
        configuration.maxBatchTokens = 40
        configuration.kvCache = .tokens(320)
        try await expectGreedyTokens(of: checkpoint, configuration)
    }

    /// Steps of fewer tokens than a picture has, and pages that end within pictures and are there again the second time.
    @Test(arguments: 1...6)
    func `pictures that are seen whole are never cut, however small steps and pages are`(_ pageSize: Int) async throws {
        var configuration = EngineConfiguration()
        configuration.maxSequences = 2
        configuration.maxBatchTokens = 5
        configuration.pageSize = pageSize
        configuration.kvCache = .tokens(720)
        try await expectGreedyTokens(of: "gemma3-tiny", configuration, times: 2)
    }

    private func expectGreedyTokens(
        of checkpoint: String, _ configuration: EngineConfiguration, times: Int = 1
    ) async throws {
        let folder = Self.root.appending(path: checkpoint)
        let json = try Data(contentsOf: folder.appending(path: "golden.json"))
        let cases = try JSONDecoder().decode(Golden.self, from: json).cases
        let backend = CPUBackend(threads: 2)
        let model = try ModelLoader.load(folder.path(), backend: backend)
        let engine = try Engine(model: model, backend: backend, configuration: configuration)
        for _ in 0..<times {
            let streams = try cases.map { golden in
                let images = try golden.images.map {
                    try model.processor.process(Self.picture($0), maxTiles: golden.split ? nil : 1)
                }
                let parts = golden.parts.map { $0.map(ContentPart.text) ?? .image }
                let prompt = try model.processor.prompt(
                    for: [ChatMessage(role: "user", content: parts)], images: images)
                return engine.generate(Requests.greedy(prompt, count: 32, id: golden.name))
            }
            for (stream, golden) in zip(streams, cases) {
                #expect(try await Answered(stream).ids == golden.greedy, "\(golden.name)")
            }
        }
        await engine.shutdown()
        #expect(
            engine.metrics.encodedImages
                == Set(cases.flatMap { golden in golden.images.map { "\($0)\(golden.split)" } }).count)
    }
}
