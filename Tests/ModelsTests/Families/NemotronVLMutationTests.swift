import Compute
import Testing

@testable import Models

/// Each option's other value, and each plausible mistake, must move the results beyond what the golden tests allow; where
/// the reference computed the other value too, it must give that.
struct NemotronVLMutationTests {
    private let backend = CPUBackend(threads: 1)
    private let golden: Golden.Case

    init() throws {
        golden = try #require(Golden.cases(of: "nemotron-tiny").first { $0.name == "one picture in tiles" })
    }

    private func model(
        _ change: (inout NemotronVLConfiguration) -> Void, values: [String: Float], on other: (any Backend)?
    ) throws -> NemotronVL {
        let checkpoint = try Checkpoint(CheckpointFixtures.nemotron)
        var configuration = try NemotronVLConfiguration(checkpoint.settings)
        change(&configuration)
        let tensors = AlteredTensors(
            base: try CheckpointTensors(checkpoint, aliases: .nemotronVL), values: values)
        return try NemotronVL(
            .loading(tensors, to: backend, quantization: .none), configuration, backend: other ?? backend)
    }

    private func prompt() throws -> Prompt {
        try golden.prompt(ModelLoader.load(CheckpointFixtures.nemotron, backend: backend))
    }

    /// How far the logits are off when the model is built from a changed configuration or changed tensors.
    private func error(
        _ change: (inout NemotronVLConfiguration) -> Void = { _ in }, values: [String: Float] = [:],
        on other: (any Backend)? = nil
    ) throws -> Float {
        let model = try model(change, values: values, on: other)
        let generation = try GreedyGeneration(prompt(), length: 1, on: model, other ?? backend)
        return relativeError(try generation.prefill(logitRows: golden.logitRows), golden.logits)
    }

    private func lastFeatures(_ change: (inout NemotronVLConfiguration) -> Void) throws -> [Float] {
        let image = try prompt().images[0].image
        let features = try backend.download(model(change, values: [:], on: nil).encode(image))
        return Array(features.suffix(features.count / image.frameCount))
    }

    @Test func `unchanged it agrees`() throws { #expect(try error() < 1e-4) }

    @Test func `positions resampled without aligned corners show, and are what the reference makes of them`() throws {
        #expect(try error { $0.alignsCorners = false } > 1e-3)
        let expected = try #require(golden.lastFrameFeaturesUncornered)
        #expect(relativeError(try lastFeatures { $0.alignsCorners = false }, expected) < 1e-5)
        #expect(relativeError(try lastFeatures { _ in }, expected) > 1e-3)
    }

    @Test func `the older order of folded rows shows, and is what the reference makes of it`() throws {
        #expect(try error { $0.projection.isTransposed = true } > 1e-3)
        let expected = try #require(golden.lastFrameFeaturesV1)
        #expect(relativeError(try lastFeatures { $0.projection.isTransposed = true }, expected) < 1e-5)
        #expect(relativeError(try lastFeatures { _ in }, expected) > 1e-3)
    }

    @Test func `the other order of the pixel shuffle shows`() throws {
        #expect(try error(on: TransposingShuffle(backend)) > 1e-3)
    }

    @Test func `another rope theta and absent or other scaling show`() throws {
        #expect(try error { $0.text.rotary.theta = 10_000 } > 1e-3)
        #expect(try error { $0.text.rotary.scaling = .none } > 1e-3)
        #expect(try error { $0.text.rotary.scaling = .linear(factor: 8) } > 1e-3)
    }

    @Test func `the other gelu shows`() throws { #expect(try error { $0.vision.activation = .geluTanh } > 1e-4) }

    @Test func `another epsilon shows`() throws {
        #expect(try error { $0.vision.epsilon = 1e-3 } > 1e-4)
        #expect(try error { $0.text.epsilon = 1e-3 } > 1e-4)
    }

    @Test func `pixels normalised in another way show`() throws {
        let conditioner = "vision_model.radio_model.input_conditioner."
        #expect(try error(values: [conditioner + "norm_mean": 0.5]) > 1e-3)
        #expect(try error(values: [conditioner + "norm_std": 0.5]) > 1e-3)
    }

    @Test func `empty tokens in front of the patches show`() throws {
        #expect(try error(values: ["vision_model.radio_model.model.patch_generator.cls_token.token": 0]) > 1e-3)
    }
}

/// A checkpoint's tensors, some of them filled with one value.
private struct AlteredTensors: TensorSource {
    let base: CheckpointTensors
    let values: [String: Float]

    var folder: String { base.folder }
    var names: Set<String> { base.names }
    func contains(_ name: String) -> Bool { base.contains(name) }
    func shape(of name: String) -> [Int]? { base.shape(of: name) }
    func check(_ name: String, shape: [Int]) throws { try base.check(name, shape: shape) }
    func discard(_ name: String) { base.discard(name) }

    func tensor(_ name: String, shape: [Int]) throws -> Tensor {
        let tensor = try base.tensor(name, shape: shape)
        guard let value = values[name] else { return tensor }
        return .host(Array(repeating: value, count: tensor.count), shape: shape)
    }
}
