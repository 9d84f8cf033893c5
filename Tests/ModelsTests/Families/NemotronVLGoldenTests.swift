import Compute
import Testing

@testable import Models

/// A tiny random checkpoint against transformers' RADIO and Llama in f32, put together by Tests/Reference/nemotron_tiny.py.
struct NemotronVLGoldenTests {
    static let cases = Golden.cases(of: "nemotron-tiny")

    private let backend: any Backend

    init() { backend = CPUBackend(threads: 1) }

    @Test func `the goldens cover tiles, whole pictures, two pictures and none`() {
        #expect(Self.cases.count == 4)
        #expect(Set(Self.cases.map(\.images.count)) == [0, 1, 2])
        #expect(Set(Self.cases.map(\.split)) == [true, false])
        #expect(Self.cases.contains { $0.grids.contains([1, 10]) })
    }

    @Test(arguments: cases)
    func `tokens, pixels and their places are exact`(_ golden: Golden.Case) throws {
        let model = try ModelLoader.load(CheckpointFixtures.nemotron, backend: backend)
        let prompt = try golden.prompt(model)
        #expect(prompt.tokens == golden.inputIDs)
        #expect(prompt.images.map { hash(of: $0.image.normalised) } == golden.pixelSHA256 ?? [])
        #expect(prompt.images.map { [$0.image.tileRows, $0.image.tileColumns] } == golden.grids)
        let imageToken = try #require(model.tokenizer.id(of: "<image>"))
        let places = golden.inputIDs.indices.filter { golden.inputIDs[$0] == imageToken }
        #expect(prompt.images.flatMap(\.positions) == places)
    }

    @Test(arguments: cases)
    func `the tower, the features, the logits and 32 greedy tokens agree`(_ golden: Golden.Case) throws {
        let model = try ModelLoader.load(CheckpointFixtures.nemotron, backend: backend)
        let prompt = try golden.prompt(model)
        try #require(prompt.tokens == golden.inputIDs)
        if let image = prompt.images.last?.image {
            let tower = try #require(model.model as? NemotronVL).vision.tower(
                image, frames: image.frameCount - 1..<image.frameCount, on: backend)
            #expect(relativeError(try backend.download(tower), golden.lastFrameTower ?? []) < 1e-5)
            let features = try backend.download(model.model.encode(image))
            let last = golden.lastFrameFeatures ?? []
            #expect(relativeError(Array(features.suffix(last.count)), last) < 1e-5)
            #expect(features.count == image.tokenCount * last.count / 4)
        }
        let generation = try GreedyGeneration(prompt, length: 32, on: model.model, backend)
        let logits = try generation.prefill(logitRows: golden.logitRows)
        #expect(relativeError(logits, golden.logits) < 1e-4)
        #expect(try generation.tokens(32) == golden.greedy)
    }
}
