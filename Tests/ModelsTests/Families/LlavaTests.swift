import Compute
import Foundation
import Testing

@testable import Models

/// A tiny random checkpoint against transformers 5.24 in f32.
struct LlavaTests {
    static let cases = Golden.cases(of: "llava-tiny")

    private let backend = CPUBackend(threads: 1)

    private func load() throws -> LoadedModel { try ModelLoader.load(CheckpointFixtures.llava, backend: backend) }

    @Test func `the goldens cover one picture, two and none`() {
        #expect(Self.cases.count == 4)
        #expect(Set(Self.cases.map(\.images.count)) == [0, 1, 2])
    }

    @Test(arguments: cases)
    func `tokens, pixels and their places are exact`(_ golden: Golden.Case) throws {
        try golden.expectExactPrompt(load(), marker: "<image>")
    }

    @Test(arguments: cases)
    func `the tower, the features, the logits and 32 greedy tokens agree`(_ golden: Golden.Case) throws {
        try golden.expectAgreement(load(), of: Llava.self, on: backend)
    }

    @Test func `pixel values of 19 sizes equal those of the Pillow-based processor exactly`() throws {
        try expectExactPixels(of: "llava-tiny", sizes: 19, tokens: 16)
    }

    @Test func `the beginning token is the tokenizer's to write, and is written once`() throws {
        let model = try load()
        let tokens = try model.processor.prompt(for: [ChatMessage(role: "user", content: [.text("<s>a")])], images: [])
            .tokens
        #expect(tokens.first == 1 && tokens.count { $0 == 1 } == 1)
    }

    @Test func `what a user writes as an image stays words`() throws {
        let model = try load()
        let prompt = try model.processor.prompt(
            for: [ChatMessage(role: "user", content: [.text("<image> <image>")])], images: [])
        #expect(!prompt.tokens.contains(try #require(model.tokenizer.id(of: "<image>"))))
        #expect(prompt.images.isEmpty)
    }

    // MARK: Mutations

    /// How far logits and features are off when the model is built from a changed configuration.
    private func errors(
        _ change: (inout LlavaConfiguration) -> Void = { _ in }, names: [String: String] = [:]
    ) throws -> (logits: Float, features: Float) {
        let golden = try #require(Self.cases.first { $0.name == "one wide picture" })
        let checkpoint = try Checkpoint(CheckpointFixtures.llava)
        var configuration = try LlavaConfiguration(checkpoint.settings)
        change(&configuration)
        let prefixes = TensorAliases.imageText.canonicalPrefixes.merging(names) { $1 }
        let tensors = try CheckpointTensors(checkpoint, aliases: TensorAliases(canonicalPrefixes: prefixes))
        let model = try Llava(.loading(tensors, to: backend, quantization: .none), configuration, backend: backend)
        let prompt = try golden.prompt(load())
        let features = try backend.download(model.encode(prompt.images[0].image))
        let last = try #require(golden.lastFrameFeatures)
        let logits = try GreedyGeneration(prompt, length: 1, on: model, backend).prefill(logitRows: golden.logitRows)
        return (relativeError(logits, golden.logits), relativeError(features, last))
    }

    @Test func `unchanged it agrees, and each plausible mistake shows in the features or the logits`() throws {
        let unchanged = try errors()
        #expect(unchanged.logits < 1e-4 && unchanged.features < 1e-5)
        #expect(try errors { $0.text.rotary.theta = 500_000 }.logits > 1e-4)
        #expect(try errors { $0.text.epsilon = 1e-3 }.logits > 1e-4)
        #expect(try errors { $0.vision.activation = .gelu }.features > 1e-4)
        #expect(try errors { $0.vision.activation = .silu }.features > 1e-4)
        #expect(try errors { $0.vision.epsilon = 1e-3 }.features > 2e-5)
        #expect(try errors { $0.blocks = 3 }.features > 1e-4)
        #expect(try errors { $0.blocks = 1 }.features > 1e-4)
        #expect(try errors { $0.hasProjectorBias = false }.features > 1e-4)
        let otherNorm = [
            "vision_tower.post_layernorm.": "vision_tower.pre_layrnorm.",
            "vision_tower.pre_layrnorm.": "vision_tower.post_layernorm.",
        ]
        #expect(try errors(names: otherNorm).features > 1e-4)
    }

    // MARK: Loading

    /// The 7 B checkpoint's file leaves out what transformers has as defaults of a Llama.
    @Test func `the published configuration is read as transformers reads it`() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(
            Array(
                """
                {"architectures": ["LlavaForConditionalGeneration"], "image_token_index": 32000, "model_type": "llava",
                 "projector_hidden_act": "gelu", "tie_word_embeddings": false, "vocab_size": 32064,
                 "text_config": {"model_type": "llama", "max_position_embeddings": 4096, "rms_norm_eps": 1e-05,
                   "vocab_size": 32064},
                 "vision_config": {"hidden_size": 1024, "image_size": 336, "intermediate_size": 4096,
                   "model_type": "clip_vision_model", "num_attention_heads": 16, "num_hidden_layers": 24,
                   "patch_size": 14, "projection_dim": 768, "vocab_size": 32000},
                 "vision_feature_layer": -2, "vision_feature_select_strategy": "default"}
                """.utf8), to: "config.json")
        let found = try LlavaConfiguration(Settings(contentsOf: file))
        #expect(found.text.width == 4096 && found.text.layers == 32 && found.text.heads == 32)
        #expect(found.text.kvHeads == 32 && found.text.headSize == 128 && found.text.feedForwardWidth == 11_008)
        #expect(found.text.vocabulary == 32_064 && found.text.contextLength == 4096 && !found.text.mayTieHead)
        #expect(found.text.rotary == Rotary.Configuration(theta: 10_000, scaling: .none))
        #expect(found.blocks == 23 && found.tokensPerImage == 576 && found.vision.activation == .quickGELU)
        #expect(found.imageToken == 32_000 && found.hasProjectorBias)
    }

    @Test(arguments: [
        ("vision_tower.", "vision_tower.vision_model."), ("vision_tower.", "model.vision_tower."),
        ("multi_modal_projector.", "model.multi_modal_projector."),
        ("language_model.model.", "model.language_model."), ("language_model.lm_head.", "lm_head."),
    ])
    func `every generation of tensor names means the same`(_ saved: String, _ other: String) {
        for name in ["encoder.layers.0.mlp.fc1.weight", "weight"] {
            let canonical = TensorAliases.imageText.canonicalName(of: saved + name)
            #expect(TensorAliases.imageText.canonicalName(of: other + name) == canonical)
        }
    }

    /// Changes of config.json and a word that the error must hold.
    @Test(arguments: [
        ("text_config.model_type", "\"mistral\"", "model_type"), ("text_config.hidden_size", "64", "loaded"),
        ("vision_config.model_type", "\"siglip_vision_model\"", "model_type"),
        ("vision_config.image_size", "33", "image_size"), ("vision_config.patch_size", "0", "patch_size"),
        ("vision_config.hidden_act", "\"relu\"", "hidden_act"),
        ("vision_config.num_hidden_layers", "2", "no place for"),
        ("vision_config.num_hidden_layers", "5", "encoder.layers.3"),
        ("vision_feature_layer", "[-2, -1]", "vision_feature_layer"),
        ("vision_feature_layer", "-5", "vision_feature_layer"), ("vision_feature_layer", "4", "vision_feature_layer"),
        ("vision_feature_select_strategy", "\"full\"", "vision_feature_select_strategy"),
        ("projector_hidden_act", "\"relu\"", "projector_hidden_act"),
        ("multimodal_projector_bias", "false", "no place for"), ("image_token_index", "5", "<image>"),
        ("image_token_index", "406", "image_token_index"), ("image_seq_length", "576", "image_seq_length"),
    ])
    func `a configuration that lies is an error that names the key`(_ path: String, _ value: String, _ word: String)
        throws
    {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.llava)
        try folder.set(path, to: value)
        let error = folder.loadingError
        #expect(word == "loaded" ? error != word : error.contains(word), "\(error)")
    }

    @Test(arguments: [
        ("do_normalize", "false"), ("do_center_crop", "false"), ("do_pad", "true"), ("crop_size", "16"),
        ("crop_size", "{\"height\": 32, \"width\": 64}"), ("size", "31"), ("size", "{\"shortest_edge\": 31}"),
        ("size", "{\"height\": 32, \"width\": 32}"), ("resample", "0"), ("image_std", "[0.2, 0, 0.2]"),
    ])
    func `image settings that cannot work are errors that name the key`(_ key: String, _ value: String) throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.llava)
        try folder.set(key, to: value, in: "preprocessor_config.json")
        #expect(folder.loadingError.contains("preprocessor_config.json: \(key)"), "\(folder.loadingError)")
    }

    @Test func `it is inspected without problems`() {
        let inspection = CheckpointInspection(of: CheckpointFixtures.llava)
        #expect(inspection.problems == [])
        #expect(inspection.family == "LLaVA-1.5" && inspection.imageTokens == 16 && inspection.contextLength == 512)
    }

    @Test func `random weights run a whole prompt, without image settings too`() throws {
        try expectRandomWeightsRun(of: CheckpointFixtures.llava, imageTokens: 16, vocabulary: 406)
    }

    @Test func `8-bit weights load and answer nearly alike`() throws {
        let golden = try #require(Self.cases.first { $0.name == "one wide picture" })
        try golden.expectQuantisedAnswer(of: CheckpointFixtures.llava, .q8, within: 0.1)
    }
}
