import Compute
import Foundation
import Testing

@testable import Models

struct NemotronVLConfigurationTests {
    private static let published =
        DocentMiniTests.repository + "/Tests/Fixtures/configurations/nemotron-nano-vl-8b/config.json"
    private let backend = CPUBackend(threads: 1)

    @Test func `the published configuration has the published sizes`() throws {
        let configuration = try NemotronVLConfiguration(Settings(contentsOf: Self.published))
        let tower = EncoderConfiguration(
            width: 1280, layers: 32, heads: 16, feedForwardWidth: 5120, epsilon: 1e-6, activation: .gelu)
        #expect(configuration.vision == tower)
        #expect(configuration.grid == 32 && configuration.tokensPerTile == 256)
        #expect(configuration.prefixTokens == 8 && configuration.positionSide == 128)
        #expect(configuration.alignsCorners && !configuration.projection.isTransposed)
        #expect(configuration.projection.foldedWidth == 5120 && configuration.projection.middleWidth == 4096)
        #expect(configuration.text.contextLength == 131_072 && !configuration.text.mayTieHead)
        #expect(
            configuration.text.rotary.scaling
                == .llama3(factor: 8, lowFrequency: 1, highFrequency: 4, originalContext: 8192))
    }

    /// 0.65 billion of the tower, 0.04 of the projection, 8.03 of the decoder with 256 rows of padding.
    @Test func `the published configuration asks for as many parameters as the checkpoint has`() throws {
        let settings = try Settings(contentsOf: Self.published)
        let audit = Weights.auditing(RandomTensors(type: .bf16))
        try NemotronVL.audit(audit, NemotronVLConfiguration(settings))
        #expect(audit.problems.isEmpty)
        #expect((8.7e9...8.8e9).contains(Double(audit.parameterCount)), "\(audit.parameterCount)")
    }

    /// Source cells of a table of 128 for a grid of 32: 0, 4.09677, 8.19355, … and 1.5, 5.5, 9.5, …
    @Test func `positions lie where the reference puts them`() {
        let side = 128
        let table = Tensor.host((0..<side * side).map { Float($0 % side) }, shape: [1, side * side, 1])
        func columns(_ alignsCorners: Bool) -> [Float] {
            let resampled = NemotronVLVision.resampled(table, side: side, to: 32, alignsCorners: alignsCorners)
            return Array(Self.values(resampled).prefix(32))
        }
        let cornered = columns(true)
        #expect(cornered[0] == 0 && abs(cornered[1] - 4.09677) < 1e-5 && abs(cornered[2] - 8.19355) < 1e-5)
        #expect(cornered[31] == 127)
        let midpoints: [Float] = (0..<32).map { 1.5 + 4 * Float($0) }
        #expect(columns(false) == midpoints)
    }

    private static func values(_ tensor: Tensor) -> [Float] { Array(tensor.bytes.bindMemory(to: Float.self)) }

    @Test func `a table of just the grid stays as it is, and one cell is no division by zero`() {
        let table = Tensor.host((0..<16).map(Float.init), shape: [1, 16, 1])
        for alignsCorners in [true, false] {
            let same = NemotronVLVision.resampled(table, side: 4, to: 4, alignsCorners: alignsCorners)
            #expect(Self.values(same) == Self.values(table))
            let one = NemotronVLVision.resampled(table, side: 4, to: 1, alignsCorners: alignsCorners)
            #expect(Self.values(one).first == (alignsCorners ? 0 : 7.5))
        }
    }

    /// Teachers with names of their own, a multiple, and the tokens that make: a class for each, registers to fill up.
    @Test(arguments: [
        ("{}", 8), (#"{"register_multiple": 10}"#, 10), (#"{"cls_token_per_teacher": false}"#, 8),
        (#"{"teachers": [{"name": "a"}, {"name": "a"}, {"name": "b"}], "register_multiple": 2}"#, 4),
        (#"{"teachers": [{"name": "a"}, {"name": "b"}, {"name": "c"}], "register_multiple": 2}"#, 4),
    ])
    func `prefix tokens follow from the training arguments`(_ arguments: String, _ expected: Int) throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.nemotron)
        try folder.set("vision_config.args", to: arguments)
        let configuration = try NemotronVLConfiguration(Settings(contentsOf: folder.path + "/config.json"))
        #expect(configuration.prefixTokens == expected)
    }

    /// Changes of config.json and a word that the error must hold.
    @Test(arguments: [
        ("llm_config", "null", "llm_config"), ("llm_config.vocab_size", "318", "<img>"),
        ("llm_config.rope_theta", "null", "rope_theta"), ("llm_config.model_type", "\"qwen2\"", "model_type"),
        ("llm_config.rope_scaling", #"{"rope_type": "yarn"}"#, "rope_type"),
        ("vision_config", "7", "vision_config"), ("vision_config.args", "[]", "vision_config.args"),
        ("vision_config.args.model", "\"vit_giant_patch14\"", "args.model"),
        ("vision_config.args.teachers", "[]", "teachers"), ("vision_config.args.teachers", "7", "teachers"),
        ("vision_config.args.cpe_max_size", "1e12", "cpe_max_size"),
        ("vision_config.vitdet_window_size", "14", "vitdet_window_size"),
        ("vision_config.feature_normalizer_config", "{}", "feature_normalizer_config"),
        ("vision_config.hidden_size", "33", "num_attention_heads"),
        ("vision_config.hidden_size", "64", "vit_hidden_size"),
        ("vision_config.num_hidden_layers", "3", "blocks.2."), ("vision_config.num_hidden_layers", "1", "no place for"),
        ("vision_config.mlp_ratio", "2", "mlp.fc1"), ("vision_config.align_corners", "1", "align_corners"),
        ("force_image_size", "33", "force_image_size"), ("force_image_size", "64", "image_size"),
        ("patch_size", "16", "embedder"), ("patch_size", "0", "patch_size"),
        ("downsample_ratio", "0.3", "downsample_ratio"), ("downsample_ratio", "0.125", "downsample_ratio"),
        ("downsample_ratio", "1e-300", "downsample_ratio"), ("ps_version", "\"v3\"", "ps_version"),
        ("projector_hidden_size", "16", "mlp1.1"), ("image_tag_type", "\"nvlm\"", "image_tag_type"),
        ("vit_hidden_size", "1280", "vit_hidden_size"),
        ("llm_config.vocab_size", "331", "loaded"), ("vision_config.args.register_multiple", "10", "loaded"),
        ("vision_config.args.cpe_max_size", "2048", "loaded"), ("ps_version", "null", "loaded"),
    ])
    func `a configuration that lies is an error that names the key`(_ path: String, _ value: String, _ word: String)
        throws
    {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.nemotron)
        try folder.set(path, to: value)
        #expect(folder.loadingError.contains(word), "\(folder.loadingError)")
    }

    @Test(arguments: [
        ("do_rescale", "false"), ("image_mean", "[0.5, 0.5, 0.5]"), ("norm_std", "0.5"), ("image_size", "64"),
        ("resample", "0"), ("tile_selection", "\"best\""), ("max_num_tiles", "0"), ("max_num_tiles", "65"),
        ("use_thumbnail", "1"), ("upscale_twice", "\"yes\""),
    ])
    func `image settings that cannot work are errors that name the key`(_ key: String, _ value: String) throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.nemotron)
        try folder.set(key, to: value, in: "preprocessor_config.json")
        #expect(folder.loadingError.contains("preprocessor_config.json: \(key)"), "\(folder.loadingError)")
    }

    @Test func `other generations of names, text_config and a folder without image settings load alike`() throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.nemotron)
        try folder.edit("config.json") { settings in
            settings["text_config"] = settings.removeValue(forKey: "llm_config")
        }
        try FileManager.default.removeItem(atPath: folder.path + "/preprocessor_config.json")
        let renamed = try Self.renamed(
            Array(Data(contentsOf: URL(filePath: folder.path + "/model.safetensors"))),
            ["language_model.model.": "model.language_model.", "language_model.lm_head.": "lm_head."])
        try folder.write(renamed, to: "model.safetensors")
        // The image settings' defaults are those of tiles of 512 pixels but for the size, which config.json states.
        let golden = try #require(Golden.cases(of: "nemotron-tiny").last)
        let model = try ModelLoader.load(folder.path, backend: backend)
        let prompt = try golden.prompt(model)
        #expect(prompt.tokens == golden.inputIDs)
        let generation = try GreedyGeneration(prompt, length: 8, on: model.model, backend)
        #expect(try generation.tokens(8) == Array(golden.greedy.prefix(8)))
    }

    /// A safetensors file with prefixes of names replaced.
    private static func renamed(_ file: [UInt8], _ prefixes: [String: String]) throws -> [UInt8] {
        let length = (0..<8).reduce(0) { $0 | Int(file[$1]) << (8 * $1) }
        var header = String(decoding: file[8..<8 + length], as: UTF8.self)
        for (old, new) in prefixes { header = header.replacingOccurrences(of: "\"" + old, with: "\"" + new) }
        return SafetensorsBytes.file(header: header, data: 0) + file[(8 + length)...]
    }

    @Test func `it is inspected without problems, and its stop tokens are those of all files`() throws {
        let inspection = CheckpointInspection(of: CheckpointFixtures.nemotron)
        #expect(inspection.problems == [])
        #expect(inspection.family == "Llama Nemotron VL" && inspection.architecture == "Llama_Nemotron_Nano_VL")
        #expect(inspection.imageTokens == 4 && inspection.contextLength == 512)
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.nemotron)
        try FileManager.default.removeItem(atPath: folder.path + "/generation_config.json")
        let model = try ModelLoader.load(folder.path, backend: backend)
        let ends = ["<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"].compactMap { model.tokenizer.id(of: $0) }
        #expect(ends.count == 3 && model.generation.stopTokens == Set(ends))
        #expect(model.generation.temperature == nil)
        #expect(try ModelLoader.load(CheckpointFixtures.nemotron, backend: backend).generation.temperature == 0)
    }

    @Test func `random weights run a whole prompt`() throws {
        let model = try ModelLoader.random(
            configuration: CheckpointFixtures.nemotron + "/config.json", backend: backend, type: .bf16)
        let picture = DrawnPicture.image(width: 61, height: 47, seed: 1)
        let image = try model.processor.process(picture, maxTiles: nil)
        let prompt = try model.processor.prompt(
            for: [ChatMessage(role: "user", content: [.image, .text("Hello")])], images: [image])
        #expect(prompt.images[0].positions.count == 52)
        let generation = try GreedyGeneration(prompt, length: 4, on: model.model, backend)
        let logits = try generation.prefill(logitRows: [Int32(prompt.tokens.count - 1)])
        #expect(logits.count == 332 && logits.allSatisfy(\.isFinite) && Set(logits).count > 100)
    }
}
