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
        try golden.expectExactPrompt(model, marker: "<image>")
    }

    @Test(arguments: cases)
    func `the tower, the features, the logits and 32 greedy tokens agree`(_ golden: Golden.Case) throws {
        let model = try ModelLoader.load(CheckpointFixtures.nemotron, backend: backend)
        try golden.expectAgreement(model, of: NemotronVL.self, on: backend)
    }
}
