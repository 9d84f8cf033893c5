import Compute
import Testing

@testable import Models

/// Tiny random checkpoints against transformers 5.23 in f32.
struct SmolVLMGoldenTests {
    static let cases = ["smolvlm-tiny", "idefics3-tiny"].flatMap { name in
        Golden.cases(of: name).map { (name, $0) }
    }

    private let backend: any Backend

    init() { backend = CPUBackend(threads: 1) }

    @Test func `the goldens cover tiles, whole pictures, two pictures and none`() {
        #expect(Self.cases.count == 7)
        #expect(Set(Self.cases.map(\.1.images.count)) == [0, 1, 2])
        #expect(Set(Self.cases.map(\.1.split)) == [true, false])
    }

    @Test(arguments: cases)
    func `tokens, pixels and their places are exact`(_ checkpoint: String, _ golden: Golden.Case) throws {
        let model = try ModelLoader.load(CheckpointFixtures.path(checkpoint), backend: backend)
        let prompt = try golden.prompt(model)
        #expect(prompt.tokens == golden.inputIDs)
        #expect(prompt.images.map { hash(of: $0.image.normalised) } == golden.pixelSHA256 ?? [])
        #expect(prompt.images.map { [$0.image.tileRows, $0.image.tileColumns] } == golden.grids)
        for image in prompt.images {
            #expect(image.positions.count == image.image.tokenCount && image.positions == image.positions.sorted())
        }
        let places = prompt.images.flatMap(\.positions)
        let imageToken = try #require(model.tokenizer.id(of: "<image>"))
        #expect(places == golden.inputIDs.indices.filter { golden.inputIDs[$0] == imageToken })
    }

    @Test(arguments: cases)
    func `the tower, the features, the logits and 32 greedy tokens agree`(
        _ checkpoint: String, _ golden: Golden.Case
    ) throws {
        let model = try ModelLoader.load(CheckpointFixtures.path(checkpoint), backend: backend)
        let prompt = try golden.prompt(model)
        try #require(prompt.tokens == golden.inputIDs)
        if let image = prompt.images.last?.image {
            let tower = try #require(model.model as? SmolVLM).vision.tower(
                image, frames: image.frameCount - 1..<image.frameCount, on: backend)
            #expect(relativeError(try backend.download(tower), golden.lastFrameTower ?? []) < 1e-5)
            let features = try backend.download(model.model.encode(image))
            let last = golden.lastFrameFeatures ?? []
            #expect(relativeError(Array(features.suffix(last.count)), last) < 1e-5)
            #expect(features.count == image.tokenCount * last.count / (image.tokenCount / image.frameCount))
        }
        let generation = try GreedyGeneration(prompt, length: 32, on: model.model, backend)
        let logits = try generation.prefill(logitRows: golden.logitRows)
        #expect(relativeError(logits, golden.logits) < 1e-4)
        #expect(try generation.tokens(32) == golden.greedy)
    }
}
