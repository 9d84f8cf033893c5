import Compute
import Foundation
import Testing

@testable import Models

private let backend = CPUBackend(threads: 1)

/// Pictures of `pixels.json` become one frame of `tokens` tokens each, whose values are the reference's exactly.
func expectExactPixels(
    of checkpoint: String, sizes: Int, tokens: Int, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    struct PixelGolden: Decodable {
        var width, height, seed: Int
        var sha256: String
    }
    let goldens = try CheckpointFixtures.decode([PixelGolden].self, from: checkpoint + "/pixels.json")
    #expect(goldens.count == sizes, sourceLocation: sourceLocation)
    let processor = try ModelLoader.load(CheckpointFixtures.path(checkpoint), backend: backend).processor
    for golden in goldens {
        let picture = DrawnPicture.image(width: golden.width, height: golden.height, seed: golden.seed)
        let image = try processor.process(picture, maxTiles: nil)
        #expect(image.frameCount == 1 && image.tokenCount == tokens, "\(golden)", sourceLocation: sourceLocation)
        #expect(
            image.pixels.count <= processor.mostPixelBytes(maxTiles: nil), "\(golden)", sourceLocation: sourceLocation)
        #expect(hash(of: image.normalised) == golden.sha256, "\(golden)", sourceLocation: sourceLocation)
    }
}

/// Made-up weights for the configuration in `folder`, without its image settings, give finite and different logits for a
/// picture of 61 × 47.
func expectRandomWeightsRun(
    of folder: String, imageTokens: Int, vocabulary: Int, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let folder = try TemporaryFolder(copyOf: folder)
    try FileManager.default.removeItem(atPath: folder.path + "/preprocessor_config.json")
    let model = try ModelLoader.random(configuration: folder.path + "/config.json", backend: backend, type: .bf16)
    let image = try model.processor.process(DrawnPicture.image(width: 61, height: 47, seed: 1), maxTiles: nil)
    let prompt = try model.processor.prompt(
        for: [ChatMessage(role: "user", content: [.image, .text("Hello")])], images: [image])
    #expect(prompt.images[0].positions.count == imageTokens, sourceLocation: sourceLocation)
    let generation = try GreedyGeneration(prompt, length: 4, on: model.model, backend)
    let logits = try generation.prefill(logitRows: [Int32(prompt.tokens.count - 1)])
    #expect(logits.count == vocabulary && logits.allSatisfy(\.isFinite), sourceLocation: sourceLocation)
    #expect(Set(logits).count > 100, sourceLocation: sourceLocation)
}

extension Golden.Case {
    /// Quantised weights are used, which shows, and answer nearly alike.
    func expectQuantisedAnswer(
        of folder: String, _ quantization: LoadOptions.Quantization, within bound: Float,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let model = try ModelLoader.load(folder, backend: backend, options: LoadOptions(quantization: quantization))
        let generation = try GreedyGeneration(prompt(model), length: 1, on: model.model, backend)
        let difference = relativeError(try generation.prefill(logitRows: logitRows), logits)
        #expect(difference > 1e-4 && difference < bound, "\(difference)", sourceLocation: sourceLocation)
    }
}
