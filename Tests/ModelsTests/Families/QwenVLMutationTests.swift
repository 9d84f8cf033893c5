import Compute
import Testing

@testable import Models

/// Each plausible mistake breaks the goldens' bounds.
struct QwenVLMutationTests {
    private let backend = CPUBackend(threads: 1)

    /// How far the logits and features of a golden with a picture are off when the model is built from a changed configuration, or
    /// the prompt is changed.
    private func errors(
        _ generation: QwenVLConfiguration.Generation, _ mutate: (inout QwenVLConfiguration) -> Void = { _ in },
        prompt change: (inout Prompt) -> Void = { _ in }
    ) throws -> (logits: Float, features: Float) {
        let name = generation == .qwen25 ? "qwen25vl-tiny" : "qwen3vl-tiny"
        let golden = try #require(Golden.cases(of: name).first { $0.name == "one picture" })
        let checkpoint = try Checkpoint(CheckpointFixtures.path(name))
        var configuration = try QwenVLConfiguration(checkpoint.settings, generation)
        mutate(&configuration)
        let tensors = try CheckpointTensors(checkpoint, aliases: .qwenVL)
        let model = try QwenVL(
            .loading(tensors, to: backend, quantization: .none), configuration, backend: backend)
        var prompt = try golden.prompt(ModelLoader.load(CheckpointFixtures.path(name), backend: backend))
        change(&prompt)
        let features = try backend.download(model.encode(prompt.images[0].image))
        let logits = try GreedyGeneration(prompt, length: 1, on: model, backend).prefill(logitRows: golden.logitRows)
        return (relativeError(logits, golden.logits), relativeError(features, golden.lastFrameFeatures ?? []))
    }

    @Test func `Qwen2.5-VL: unchanged it agrees, and mistakes show`() throws {
        let unchanged = try errors(.qwen25)
        #expect(unchanged.logits < 1e-4 && unchanged.features < 1e-5)
        #expect(try errors(.qwen25) { $0.vision.window = nil }.features > 1e-3)
        #expect(try errors(.qwen25) { $0.vision.window = 1 }.features > 1e-3)
        #expect(try errors(.qwen25) { $0.vision.wholeBlocks = [] }.features > 1e-3)
        #expect(try errors(.qwen25) { $0.vision.wholeBlocks = [2] }.features > 1e-3)
        #expect(try errors(.qwen25) { $0.vision.rotaryTheta = 100 }.features > 1e-4)
        #expect(try errors(.qwen25) { $0.vision.blocks.epsilon = 1e-3 }.features > 2e-5)
        #expect(try errors(.qwen25) { $0.text.rotary.axes?.isInterleaved = true }.logits > 1e-3)
        #expect(try errors(.qwen25) { $0.text.rotary.axes?.sections = [2, 1, 1] }.logits > 1e-3)
        #expect(try errors(.qwen25) { $0.text.rotary.axes = nil }.logits > 1e-3)
        #expect(try errors(.qwen25) { $0.text.attentionBias = false }.logits > 1e-3)
        #expect(try errors(.qwen25, prompt: { $0.grid = nil }).logits > 1e-3)
    }

    @Test func `Qwen3-VL: unchanged it agrees, and mistakes show`() throws {
        let unchanged = try errors(.qwen3)
        #expect(unchanged.logits < 1e-4 && unchanged.features < 1e-5)
        #expect(try errors(.qwen3) { $0.vision.levelBlocks = [] }.logits > 1e-3)
        #expect(try errors(.qwen3) { $0.vision.levelBlocks = [1, 2] }.features > 1e-3)
        #expect(try errors(.qwen3) { $0.vision.window = 2 }.features > 1e-3)
        #expect(try errors(.qwen3) { $0.vision.blocks.activation = .gelu }.features > 2e-5)
        #expect(try errors(.qwen3) { $0.text.hasHeadNorms = false }.logits > 1e-3)
        #expect(try errors(.qwen3) { $0.text.rotary.axes?.isInterleaved = false }.logits > 1e-3)
        #expect(try errors(.qwen3) { $0.text.rotary.axes?.sections = [2, 4, 2] }.logits > 1e-3)
    }

    /// Rows for columns, in a picture that is no square.
    @Test(arguments: [QwenVLConfiguration.Generation.qwen25, .qwen3])
    func `swapped sides of a picture's grid show`(_ generation: QwenVLConfiguration.Generation) throws {
        let swapped = try errors(
            generation,
            prompt: { prompt in
                let side = generation == .qwen25 ? 28 : 32
                let placed = prompt.images[0]
                prompt.grid = GridPositions([
                    .init(
                        firstToken: placed.positions[0], rows: placed.image.width / side,
                        columns: placed.image.height / side)
                ])
            })
        #expect(swapped.logits > 1e-3)
    }

    /// Changes of config.json and a word that the error must hold.
    @Test(arguments: [
        ("qwen25vl-tiny", "vision_config", "7", "vision_config"), ("qwen25vl-tiny", "text_config", "7", "text_config"),
        ("qwen25vl-tiny", "text_config.model_type", "\"qwen3\"", "model_type"),
        ("qwen25vl-tiny", "text_config.use_sliding_window", "true", "use_sliding_window"),
        ("qwen25vl-tiny", "text_config.rope_parameters.mrope_section", "null", "mrope_section"),
        ("qwen25vl-tiny", "text_config.rope_parameters.mrope_section", "[1, 1]", "mrope_section"),
        ("qwen25vl-tiny", "text_config.rope_parameters.mrope_section", "[1, 1, 3]", "mrope_section"),
        ("qwen25vl-tiny", "text_config.rope_parameters.rope_type", "\"yarn\"", "rope_type"),
        ("qwen25vl-tiny", "vision_config.window_size", "27", "window_size"),
        ("qwen25vl-tiny", "vision_config.fullatt_block_indexes", "[3]", "fullatt_block_indexes"),
        ("qwen25vl-tiny", "vision_config.fullatt_block_indexes", "[1, 1]", "fullatt_block_indexes"),
        ("qwen25vl-tiny", "vision_config.fullatt_block_indexes", "null", "fullatt_block_indexes"),
        ("qwen25vl-tiny", "vision_config.num_heads", "3", "num_heads"),
        ("qwen25vl-tiny", "vision_config.hidden_act", "\"gelu\"", "hidden_act"),
        ("qwen25vl-tiny", "vision_config.in_channels", "1", "in_channels"),
        ("qwen25vl-tiny", "vision_config.out_hidden_size", "64", "out_hidden_size"),
        ("qwen25vl-tiny", "vision_config.depth", "4", "visual.blocks.3"),
        ("qwen25vl-tiny", "vision_config.patch_size", "16", "patch_embed.proj"),
        ("qwen25vl-tiny", "image_token_id", "5", "<|image_pad|>"),
        ("qwen3vl-tiny", "vision_config.num_position_embeddings", "17", "num_position_embeddings"),
        ("qwen3vl-tiny", "vision_config.num_position_embeddings", "25", "pos_embed"),
        ("qwen3vl-tiny", "vision_config.deepstack_visual_indexes", "[0]", "deepstack_merger_list.1"),
        ("qwen3vl-tiny", "vision_config.deepstack_visual_indexes", "[2, 0]", "deepstack_visual_indexes"),
        ("qwen3vl-tiny", "text_config.num_hidden_layers", "1", "deepstack_visual_indexes"),
        ("qwen3vl-tiny", "text_config.model_type", "\"qwen2\"", "model_type"),
    ])
    func `a configuration that lies is an error that names the key`(
        _ checkpoint: String, _ path: String, _ value: String, _ word: String
    ) throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.path(checkpoint))
        try folder.set(path, to: value)
        #expect(folder.loadingError.contains(word), "\(folder.loadingError)")
    }

    @Test(arguments: [
        ("do_normalize", "false", "do_normalize"), ("patch_size", "16", "patch_size"),
        ("merge_size", "1", "merge_size"),
        ("temporal_patch_size", "1", "temporal_patch_size"), ("min_pixels", "0", "min_pixels"),
        ("size", "{\"shortest_edge\": 4000, \"longest_edge\": 3999}", "max_pixels"),
        ("size", "{\"shortest_edge\": 1, \"longest_edge\": 783}", "max_pixels"), ("max_pixels", "1e300", "max_pixels"),
        ("resample", "0", "resample"), ("image_std", "null", "image_std"),
    ])
    func `image settings that cannot work are errors that name the key`(
        _ key: String, _ value: String, _ word: String
    ) throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.qwen25VL)
        try folder.set(key, to: value, in: "preprocessor_config.json")
        #expect(folder.loadingError.contains("preprocessor_config.json: \(word)"), "\(folder.loadingError)")
    }
}
