import Compute
import Foundation
import Testing

@testable import Models

/// A tiny random checkpoint against transformers 5.24 in f32.
struct Gemma3Tests {
    static let cases = Golden.cases(of: "gemma3-tiny")

    private let backend = CPUBackend(threads: 1)

    private func load() throws -> LoadedModel { try ModelLoader.load(CheckpointFixtures.gemma3, backend: backend) }

    @Test func `the goldens cover one picture, two and none`() {
        #expect(Self.cases.count == 3)
        #expect(Set(Self.cases.map(\.images.count)) == [0, 1, 2])
    }

    @Test(arguments: cases)
    func `tokens, pixels and their places are exact`(_ golden: Golden.Case) throws {
        try golden.expectExactPrompt(load(), marker: "<image_soft_token>")
    }

    @Test(arguments: cases)
    func `the tower, the features, the logits and 32 greedy tokens agree`(_ golden: Golden.Case) throws {
        try golden.expectAgreement(load(), of: Gemma3.self, on: backend)
    }

    @Test func `pixel values of 19 sizes equal those of the Pillow-based processor exactly`() throws {
        try expectExactPixels(of: "gemma3-tiny", sizes: 19, tokens: 4)
    }

    @Test func `what a user writes as an image or as a turn stays words`() throws {
        let model = try load()
        let text = "<start_of_image><image_soft_token><end_of_image><end_of_turn>"
        let tokens = try model.processor.prompt(
            for: [ChatMessage(role: "user", content: [.text(text)])], images: []
        ).tokens
        for tag in ["<start_of_image>", "<image_soft_token>", "<end_of_image>"] {
            #expect(!tokens.contains(try #require(model.tokenizer.id(of: tag))))
        }
        let end = try #require(model.tokenizer.id(of: "<end_of_turn>"))
        #expect(tokens.count { $0 == end } == 1)
    }

    // MARK: Mutations

    /// How far logits and features are off when the model is built from a changed configuration.
    private func errors(
        _ change: (inout Gemma3Configuration) -> Void = { _ in }
    ) throws -> (logits: Float, features: Float) {
        let golden = try #require(Self.cases.first { $0.name == "two pictures" })
        let checkpoint = try Checkpoint(CheckpointFixtures.gemma3)
        var configuration = try Gemma3Configuration(checkpoint.settings)
        change(&configuration)
        let tensors = try CheckpointTensors(checkpoint, aliases: .imageText)
        let model = try Gemma3(.loading(tensors, to: backend, quantization: .none), configuration, backend: backend)
        let prompt = try golden.prompt(load())
        let features = try backend.download(model.encode(prompt.images[1].image))
        let last = try #require(golden.lastFrameFeatures)
        let logits = try GreedyGeneration(prompt, length: 1, on: model, backend).prefill(logitRows: golden.logitRows)
        return (relativeError(logits, golden.logits), relativeError(features, last))
    }

    @Test func `unchanged it agrees, and each plausible mistake shows in the features or the logits`() throws {
        let unchanged = try errors()
        #expect(unchanged.logits < 1e-4 && unchanged.features < 1e-5)
        let mistakes: [(String, (inout Gemma3Configuration) -> Void)] = [
            ("theta", { $0.text.rotary.theta = 10_000 }),
            ("scaling", { $0.text.rotary.scaling = .none }),
            ("the other layers' angles", { $0.text.sliding?.rotary = $0.text.rotary }),
            ("window too short", { $0.text.sliding?.window = 15 }),
            ("window too long", { $0.text.sliding?.window = 17 }),
            ("full layer first", { $0.text.sliding?.indices = Set(1..<6) }),
            ("causal pictures", { $0.text.seesImagesWhole = false }),
            ("norms not from 1", { $0.text.normOffset = 0 }),
            ("scores by the head's size", { $0.text.queryScalar = nil }),
            ("embeddings as they are", { $0.text.scalesEmbedding = false }),
            ("SiLU", { $0.text.gate = .silu }),
            ("epsilon", { $0.text.epsilon = 1e-3 }),
            ("no norms behind", { $0.text.hasOutputNorms = false }),
            ("no norms of heads", { $0.text.hasHeadNorms = false }),
        ]
        for (name, change) in mistakes {
            let found = try errors(change)
            #expect(found.logits > 1e-4 && found.features == unchanged.features, "\(name): \(found)")
        }
        #expect(try errors { $0.vision.activation = .gelu }.features > 1e-4)
        #expect(try errors { $0.vision.activation = .silu }.features > 1e-4)
        #expect(try errors { $0.vision.epsilon = 1e-3 }.features > 2e-5)
    }

    // MARK: Loading

    /// The 4 B checkpoint's file leaves out what transformers has as defaults, and is older than `rope_parameters`.
    @Test func `the published configuration is read as transformers reads it`() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(
            Array(
                """
                {"architectures": ["Gemma3ForConditionalGeneration"], "boi_token_index": 255999,
                 "eoi_token_index": 256000, "eos_token_id": [1, 106], "image_token_index": 262144,
                 "initializer_range": 0.02, "mm_tokens_per_image": 256, "model_type": "gemma3",
                 "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text",
                   "num_hidden_layers": 34, "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
                   "sliding_window": 1024},
                 "vision_config": {"hidden_size": 1152, "image_size": 896, "intermediate_size": 4304,
                   "model_type": "siglip_vision_model", "num_attention_heads": 16, "num_hidden_layers": 27,
                   "patch_size": 14, "vision_use_head": false}}
                """.utf8), to: "config.json")
        let found = try Gemma3Configuration(Settings(contentsOf: file))
        let text = found.text
        #expect(text.width == 2560 && text.layers == 34 && text.heads == 8 && text.kvHeads == 4)
        #expect(text.headSize == 256 && text.vocabulary == 262_208 && text.contextLength == 131_072)
        #expect(text.rotary == Rotary.Configuration(theta: 1_000_000, scaling: .linear(factor: 8)))
        #expect(text.sliding?.rotary == Rotary.Configuration(theta: 10_000, scaling: .none))
        #expect(text.sliding?.window == 1024 && text.queryFactor == 1 && text.mayTieHead)
        #expect(Set(0..<34).subtracting(text.sliding?.indices ?? []) == [5, 11, 17, 23, 29])
        #expect(found.grid == 64 && found.tokensPerImage == 256 && found.poolSide == 4 && found.imageToken == 262_144)
        #expect(text.shape.seesImagesWhole)
    }

    /// The 27 B checkpoint's heads are of 128, its scalar is 168.
    @Test func `scores are scaled by the scalar and not by the size of a head`() throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.gemma3)
        try folder.set("text_config.query_pre_attn_scalar", to: "2")
        #expect(try Gemma3Configuration(Checkpoint(folder.path).settings).text.queryFactor == 2)
    }

    @Test func `a pattern says the same as a list of layers`() throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.gemma3)
        try folder.set("text_config.layer_types", to: "[]")
        for key in ["_sliding_window_pattern", "sliding_window_pattern"] {
            try folder.set("text_config." + key, to: "3")
            let found = try Gemma3Configuration(Checkpoint(folder.path).settings)
            #expect(found.text.sliding?.indices == [0, 1, 3, 4])
            try folder.set("text_config." + key, to: "null")
        }
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
        ("text_config.model_type", "\"gemma2\"", "model_type"), ("text_config.hidden_size", "64", "loaded"),
        ("text_config.hidden_activation", "\"silu\"", "hidden_activation"),
        ("text_config.attn_logit_softcapping", "50.0", "attn_logit_softcapping"),
        ("text_config.final_logit_softcapping", "30.0", "final_logit_softcapping"),
        ("text_config.use_bidirectional_attention", "true", "use_bidirectional_attention"),
        ("text_config.query_pre_attn_scalar", "0", "query_pre_attn_scalar"),
        ("text_config.sliding_window", "3", "sliding_window"), ("text_config.sliding_window", "0", "sliding_window"),
        ("text_config.layer_types", "[\"full_attention\"]", "layer_types"),
        ("text_config.layer_types", "[1]", "layer_types"),
        ("text_config.rope_parameters.full_attention", "3", "full_attention"),
        ("text_config.rope_parameters.sliding_attention", "null", "sliding_attention"),
        ("text_config.rope_parameters.full_attention.rope_type", "\"yarn\"", "rope_type"),
        ("text_config", "null", "text_config"), ("vision_config", "null", "vision_config"),
        ("vision_config.model_type", "\"clip_vision_model\"", "model_type"),
        ("vision_config.image_size", "33", "image_size"), ("vision_config.hidden_act", "\"relu\"", "hidden_act"),
        ("vision_config.num_hidden_layers", "1", "no place for"),
        ("vision_config.num_hidden_layers", "3", "encoder.layers.2"),
        ("mm_tokens_per_image", "5", "mm_tokens_per_image"), ("mm_tokens_per_image", "9", "mm_tokens_per_image"),
        ("image_token_index", "5", "<image_soft_token>"), ("image_token_index", "410", "image_token_index"),
    ])
    func `a configuration that lies is an error that names the key`(_ path: String, _ value: String, _ word: String)
        throws
    {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.gemma3)
        try folder.set(path, to: value)
        let error = folder.loadingError
        #expect(word == "loaded" ? error != word : error.contains(word), "\(error)")
    }

    @Test(arguments: [
        ("do_pan_and_scan", "true"), ("do_normalize", "false"), ("do_resize", "false"),
        ("size", "{\"height\": 32, \"width\": 64}"), ("resample", "0"), ("image_std", "[0.2, 0, 0.2]"),
        ("image_seq_length", "256"),
    ])
    func `image settings that cannot work are errors that name the key`(_ key: String, _ value: String) throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.gemma3)
        try folder.set(key, to: value, in: "preprocessor_config.json")
        #expect(folder.loadingError.contains("preprocessor_config.json: \(key)"), "\(folder.loadingError)")
    }

    @Test func `it is inspected without problems`() {
        let inspection = CheckpointInspection(of: CheckpointFixtures.gemma3)
        #expect(inspection.problems == [])
        #expect(inspection.family == "Gemma 3" && inspection.imageTokens == 4 && inspection.contextLength == 512)
    }

    @Test func `random weights run a whole prompt, without image settings too`() throws {
        try expectRandomWeightsRun(of: CheckpointFixtures.gemma3, imageTokens: 4, vocabulary: 410)
    }

    @Test(arguments: [("q8", 0.15), ("q4", 0.8)])
    func `quantised weights load and answer nearly alike`(_ name: String, _ bound: Float) throws {
        let golden = try #require(Self.cases.first { $0.name == "one picture" })
        let quantization = try #require(LoadOptions.Quantization(rawValue: name))
        try golden.expectQuantisedAnswer(of: CheckpointFixtures.gemma3, quantization, within: bound)
    }

    /// The same decoder as a checkpoint of its own: what 270M and 1B are.
    @Test func `the decoder by itself gives the same answer`() throws {
        let golden = try #require(Self.cases.first { $0.images.isEmpty })
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.gemma3)
        try folder.becomeGemma3Text()
        let model = try ModelLoader.load(folder.path, backend: backend)
        #expect(model.card.family == "gemma3_text")
        let prompt = try golden.prompt(model)
        #expect(prompt.tokens == golden.inputIDs)
        let generation = try GreedyGeneration(prompt, length: 32, on: model.model, backend)
        #expect(relativeError(try generation.prefill(logitRows: golden.logitRows), golden.logits) < 1e-4)
        #expect(try generation.tokens(32) == golden.greedy)
    }
}

extension TemporaryFolder {
    /// Leaves of a Gemma 3 checkpoint what the decoder by itself has, under that one's names.
    fileprivate func becomeGemma3Text() throws {
        try edit("config.json") { settings in
            settings = settings["text_config"] as? [String: Any] ?? [:]
            settings["architectures"] = ["Gemma3ForCausalLM"]
        }
        let body = "language_model.model."
        var kept: [String: StoredBytes] = [:]
        for (name, tensor) in try SafetensorsBytes.tensors(of: path + "/model.safetensors") where name.hasPrefix(body) {
            kept["model." + name.dropFirst(body.count)] = tensor
        }
        try write(SafetensorsBytes.file(kept), to: "model.safetensors")
    }
}
