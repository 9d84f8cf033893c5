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
        try golden.expectExactPrompt(model, marker: "<image>")
    }

    @Test(arguments: cases)
    func `the tower, the features, the logits and 32 greedy tokens agree`(
        _ checkpoint: String, _ golden: Golden.Case
    ) throws {
        let model = try ModelLoader.load(CheckpointFixtures.path(checkpoint), backend: backend)
        try golden.expectAgreement(model, of: SmolVLM.self, on: backend)
    }
}
