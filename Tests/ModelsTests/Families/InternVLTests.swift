import Compute
import Foundation
import Testing

@testable import Models

/// A tiny random checkpoint against transformers 5.24 in f32.
struct InternVLTests {
    static let cases = Golden.cases(of: "internvl-tiny")

    private let backend = CPUBackend(threads: 1)

    private func load() throws -> LoadedModel { try ModelLoader.load(CheckpointFixtures.internVL, backend: backend) }

    @Test func `the goldens cover tiles, whole pictures, two pictures and none`() {
        #expect(Self.cases.count == 4)
        #expect(Set(Self.cases.map(\.images.count)) == [0, 1, 2])
        #expect(Set(Self.cases.map(\.split)) == [true, false])
    }

    @Test(arguments: cases)
    func `tokens, pixels and their places are exact`(_ golden: Golden.Case) throws {
        let model = try load()
        try golden.expectExactPrompt(model, marker: "<IMG_CONTEXT>")
    }

    @Test(arguments: cases)
    func `the tower, the features, the logits and 32 greedy tokens agree`(_ golden: Golden.Case) throws {
        let model = try load()
        try golden.expectAgreement(model, of: InternVL.self, on: backend)
    }

    struct PixelGolden: Decodable {
        var most, width, height, seed, rows, columns, frames: Int
        var sha256: String
    }

    /// 48 pictures: 16 sizes from 1 × 1 to 300 × 10, at most 12, 6 and 1 tiles.
    @Test func `pixel values equal those of the Pillow-based processor exactly`() throws {
        let goldens = try CheckpointFixtures.decode([PixelGolden].self, from: "internvl-tiny/pixels.json")
        #expect(goldens.count == 48)
        let processor = try load().processor
        for golden in goldens {
            let picture = DrawnPicture.image(width: golden.width, height: golden.height, seed: golden.seed)
            let image = try processor.process(picture, maxTiles: golden.most)
            let what = "\(golden)"
            #expect(image.tileRows == golden.rows && image.tileColumns == golden.columns, "\(what)")
            #expect(image.frameCount == golden.frames && image.tokenCount == 4 * golden.frames, "\(what)")
            #expect(hash(of: image.normalised) == golden.sha256, "\(what)")
        }
    }

    // MARK: Mutations

    /// How far the logits, and the last features, of the golden with tiles are off when the model is built from a changed
    /// configuration.
    private func errors(
        _ change: (inout InternVLConfiguration) -> Void = { _ in }, on other: (any Backend)? = nil
    ) throws -> (logits: Float, features: Float) {
        let golden = try #require(Self.cases.first { $0.name == "one picture in tiles" })
        let checkpoint = try Checkpoint(CheckpointFixtures.internVL)
        var configuration = try InternVLConfiguration(checkpoint.settings)
        change(&configuration)
        let tensors = try CheckpointTensors(checkpoint, aliases: .imageText)
        let backend = other ?? self.backend
        let model = try InternVL(
            .loading(tensors, to: self.backend, quantization: .none), configuration, backend: backend)
        let prompt = try golden.prompt(load())
        let features = try backend.download(model.encode(prompt.images[0].image))
        let last = try #require(golden.lastFrameFeatures)
        let logits = try GreedyGeneration(prompt, length: 1, on: model, backend).prefill(logitRows: golden.logitRows)
        return (
            relativeError(logits, golden.logits), relativeError(Array(features.suffix(last.count)), last)
        )
    }

    @Test func `unchanged it agrees, and each plausible mistake shows in the features or the logits`() throws {
        let unchanged = try errors()
        #expect(unchanged.logits < 1e-4 && unchanged.features < 1e-5)
        #expect(try errors { $0.text.rotary.theta = 10_000 }.logits > 1e-4)
        #expect(try errors { $0.text.attentionBias = false }.logits > 1e-4)
        #expect(try errors { $0.text.epsilon = 1e-3 }.logits > 1e-4)
        #expect(try errors { $0.vision.hasQueryKeyValueBias = false }.features > 1e-4)
        #expect(try errors { $0.vision.activation = .geluTanh }.features > 2e-5)
        #expect(try errors { $0.vision.epsilon = 1e-3 }.features > 2e-5)
        #expect(try errors { $0.projection.isTransposed = true }.features > 1e-4)
        #expect(try errors(on: TransposingShuffle(backend)).features > 1e-4)
    }

    // MARK: Loading

    /// Changes of config.json (a key, or a key of a section) and a word that the error must hold.
    @Test(arguments: [
        ("text_config", "7", "text_config"), ("text_config.model_type", "\"internlm2\"", "model_type"),
        ("text_config.model_type", "\"llama\"", "q_proj.bias"), ("text_config.use_sliding_window", "true", "sliding"),
        ("vision_config.image_size", "[32, 64]", "image_size"), ("vision_config.image_size", "[]", "image_size"),
        ("vision_config.image_size", "33", "image_size"), ("vision_config.image_size", "32", "loaded"),
        ("vision_config.patch_size", "0", "patch_size"), ("vision_config.use_qk_norm", "true", "use_qk_norm"),
        ("vision_config.use_mean_pooling", "false", "use_mean_pooling"),
        ("vision_config.norm_type", "\"rms_norm\"", "norm_type"),
        ("vision_config.hidden_act", "\"silu\"", "hidden_act"),
        ("vision_config.attention_bias", "false", "no place for"), ("vision_config.num_channels", "4", "num_channels"),
        ("vision_config.num_attention_heads", "3", "num_attention_heads"),
        ("vision_feature_layer", "-2", "vision_feature_layer"),
        ("vision_feature_select_strategy", "\"full\"", "vision_feature_select_strategy"),
        ("projector_hidden_act", "\"relu\"", "projector_hidden_act"), ("downsample_ratio", "0.4", "downsample_ratio"),
        ("image_token_id", "5", "<IMG_CONTEXT>"), ("image_token_id", "320", "image_token_id"),
        ("image_seq_length", "256", "image_seq_length"),
    ])
    func `a configuration that lies is an error that names the key`(_ path: String, _ value: String, _ word: String)
        throws
    {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.internVL)
        try folder.set(path, to: value)
        #expect(folder.loadingError.contains(word), "\(folder.loadingError)")
    }

    @Test(arguments: [
        ("do_normalize", "false"), ("size", "{\"height\": 32, \"width\": 64}"), ("min_patches", "2"),
        ("max_patches", "0"), ("resample", "0"), ("image_std", "[0.2, 0, 0.2]"), ("image_mean", "null"),
    ])
    func `image settings that cannot work are errors that name the key`(_ key: String, _ value: String) throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.internVL)
        try folder.set(key, to: value, in: "preprocessor_config.json")
        #expect(folder.loadingError.contains("preprocessor_config.json: \(key)"), "\(folder.loadingError)")
    }

    @Test func `it is inspected without problems`() {
        let inspection = CheckpointInspection(of: CheckpointFixtures.internVL)
        #expect(inspection.problems == [])
        #expect(inspection.family == "InternVL" && inspection.imageTokens == 4 && inspection.contextLength == 512)
    }

    @Test func `random weights run a whole prompt, without image settings too`() throws {
        try expectRandomWeightsRun(of: CheckpointFixtures.internVL, imageTokens: 52, vocabulary: 320)
    }

    @Test func `8-bit weights load and answer nearly alike`() throws {
        let golden = try #require(Self.cases.first { $0.name == "one picture in tiles" })
        try golden.expectQuantisedAnswer(of: CheckpointFixtures.internVL, .q8, within: 0.1)
    }
}
