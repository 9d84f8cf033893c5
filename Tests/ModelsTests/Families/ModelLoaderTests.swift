import Compute
import Foundation
import Testing

@testable import Models

struct ModelLoaderTests {
    private let backend = CPUBackend(threads: 1)

    /// Changes of config.json and a word that the error must hold.
    @Test(arguments: [
        ("text_config.hidden_size", "-1", "hidden_size"), ("text_config.hidden_size", "1e30", "hidden_size"),
        ("text_config.hidden_size", "\"32\"", "hidden_size"), ("text_config.hidden_size", "32.5", "hidden_size"),
        ("text_config.hidden_size", "null", "hidden_size"),
        ("text_config.num_hidden_layers", "1000000", "num_hidden_layers"),
        ("text_config.num_key_value_heads", "3", "num_key_value_heads"), ("text_config.head_dim", "7", "head_dim"),
        ("text_config.vocab_size", "329", "eos"), ("text_config.vocab_size", "331", "embed_tokens"),
        ("text_config.hidden_act", "\"gelu\"", "hidden_act"), ("text_config.model_type", "\"qwen2\"", "model_type"),
        ("text_config.qk_layer_norms", "true", "qk_layer_norms"), ("text_config.rope_parameters", "null", "rope_theta"),
        ("text_config.rms_norm_eps", "0", "rms_norm_eps"), ("text_config", "[]", "text_config"),
        ("vision_config.patch_size", "0", "patch_size"),
        ("vision_config.num_attention_heads", "5", "num_attention_heads"),
        ("vision_config.hidden_act", "\"quick_gelu\"", "hidden_act"),
        ("vision_config.image_size", "64", "position_embedding"),
        ("vision_config.num_channels", "4", "num_channels"),
        ("scale_factor", "3", "scale_factor"), ("scale_factor", "0", "scale_factor"),
        ("image_token_id", "330", "image_token_id"),
        ("image_token_id", "5", "<image>"), ("architectures", "[\"GPT\"]", "GPT"),
        ("architectures", "[7]", "architectures"),
        ("vision_config", "null", "7 patches"),
    ])
    func `a configuration that lies is an error that names the key`(_ key: String, _ value: String, _ word: String)
        throws
    {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        try folder.set(key, to: value)
        // One row fewer than stored is a padded vocabulary, which loads.
        let expected = word == "eos" ? "loaded" : word
        #expect(folder.loadingError.contains(expected), "\(folder.loadingError)")
    }

    @Test(arguments: [
        ("do_resize", "false"), ("do_normalize", "false"), ("size", "{}"), ("size", "null"),
        ("size", "{\"longest_edge\": 1e9}"), ("max_image_size", "{\"longest_edge\": 64}"), ("resample", "0"),
        ("image_std", "[0.5, 0, 0.5]"), ("image_std", "[1e-320, 1, 1]"), ("image_std", "[1e-40, 1, 1]"),
        ("image_mean", "[1e308, 1, 1]"), ("image_mean", "[0.5]"), ("image_mean", "\"half\""), ("rescale_factor", "-1"),
    ])
    func `image settings that cannot work are errors that name the key`(_ key: String, _ value: String) throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        try folder.set(key, to: value, in: "preprocessor_config.json")
        #expect(folder.loadingError.contains(key), "\(folder.loadingError)")
        #expect(folder.loadingError.contains("preprocessor_config.json"))
    }

    @Test func `sizes that follow from others must make sense too`() throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        try folder.edit("config.json") { settings in
            var text = settings["text_config"] as? [String: Any] ?? [:]
            (text["hidden_size"], text["head_dim"]) = (2, nil)
            settings["text_config"] = text
        }
        #expect(folder.loadingError.contains("text_config.head_dim") && folder.loadingError.contains("stands for 0"))
        let small = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        try small.edit("config.json") { settings in
            var vision = settings["vision_config"] as? [String: Any] ?? [:]
            (vision["image_size"], vision["patch_size"]) = (16, nil)
            settings["vision_config"] = vision
        }
        #expect(small.loadingError.contains("vision_config.patch_size") && small.loadingError.contains("stands for 32"))
    }

    @Test(arguments: [
        (Bool?.some(false), Bool?.some(false), "lacks the tensor lm_head.weight"), (false, nil, "lacks the tensor"),
        (nil, false, "lacks the tensor"), (false, true, "no place for"), (true, false, "no place for"),
        (nil, nil, "no place for"),
    ])
    func `the embedding table stands in for an absent head unless every flag forbids it`(
        whole: Bool?, text: Bool?, expected: String
    ) throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        let weights = try Array(Data(contentsOf: URL(filePath: folder.path + "/model.safetensors")))
        let renamed = try #require(weights.replacing(Array("lm_head.weight".utf8), with: Array("lm_hexd.weight".utf8)))
        try folder.write(renamed, to: "model.safetensors")
        try folder.edit("config.json") { settings in
            var section = settings["text_config"] as? [String: Any] ?? [:]
            section["tie_word_embeddings"] = text
            settings["text_config"] = section
            settings["tie_word_embeddings"] = whole
        }
        #expect(folder.loadingError.contains(expected), "\(folder.loadingError)")
        #expect(folder.loadingError.contains("lm_he"))
    }

    @Test func `image settings inside processor_config.json come first, and a wrong length is an error`() throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        try folder.write(Array("{\"image_seq_len\": 4}".utf8), to: "processor_config.json")
        #expect(folder.loadingError == "loaded")
        try folder.write(Array("{\"image_seq_len\": 64}".utf8), to: "processor_config.json")
        #expect(folder.loadingError.contains("image_seq_len"))
        try folder.write(Array("{\"image_processor\": {\"size\": 7}}".utf8), to: "processor_config.json")
        #expect(folder.loadingError.contains("processor_config.json: image_processor.size"))
    }

    @Test func `a missing tensor, a strange one and a changed one are errors that name it`() throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        let path = folder.path + "/model.safetensors"
        let original = try Array(Data(contentsOf: URL(filePath: path)))
        let name = "model.text_model.layers.1.mlp.up_proj.weight"
        for (replacement, what) in [
            (name.replacingOccurrences(of: "up_proj", with: "up_prof"), "lacks the tensor \(name)"),
            (name, "loaded"),
        ] {
            let bytes = try #require(original.replacing(Array(name.utf8), with: Array(replacement.utf8)))
            try folder.write(bytes, to: "model.safetensors")
            #expect(folder.loadingError.contains(what))
        }
        try folder.edit("config.json") { settings in
            var text = settings["text_config"] as? [String: Any] ?? [:]
            text["num_hidden_layers"] = 1
            settings["text_config"] = text
        }
        let leftover = folder.loadingError
        #expect(leftover.contains("layers.1.") && leftover.contains("no place for"))
    }

    @Test func `generation settings are gathered from every file`() throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        try folder.edit("generation_config.json") {
            $0 = ["eos_token_id": [3, 4], "temperature": 0.6, "top_p": 0.9, "top_k": 50, "repetition_penalty": 1.1]
        }
        try folder.edit("config.json") { $0["eos_token_id"] = 5 }
        let generation = try ModelLoader.load(folder.path, backend: backend).generation
        #expect(generation.stopTokens == [3, 4, 5, 329])
        #expect(generation.temperature == 0.6 && generation.topP == 0.9 && generation.topK == 50)
        #expect(generation.repetitionPenalty == 1.1)
        try folder.edit("generation_config.json") { $0 = ["do_sample": false, "temperature": 0.6] }
        #expect(try ModelLoader.load(folder.path, backend: backend).generation.temperature == 0)
        try folder.edit("generation_config.json") { $0 = ["top_k": -1] }
        #expect(try ModelLoader.load(folder.path, backend: backend).generation.topK == 0)
        try folder.edit("generation_config.json") { $0 = ["temperature": -1] }
        #expect(folder.loadingError.contains("temperature"))
    }

    @Test(arguments: [DType.f32, .f16, .bf16])
    func `random weights run a whole prompt`(_ type: DType) throws {
        let configuration = CheckpointFixtures.idefics3 + "/config.json"
        let model = try ModelLoader.random(configuration: configuration, backend: backend, type: type)
        // The stand-in vocabulary is one byte a token.
        let picture = DrawnPicture.image(width: 30, height: 20, seed: 1)
        let image = try model.processor.process(picture, maxTiles: nil)
        let message = ChatMessage(role: "user", content: [.image, .text("Hé \"<image>\" \\")])
        let prompt = try model.processor.prompt(for: [message], images: [image])
        #expect(prompt.images[0].positions.count == 4)
        #expect(model.tokenizer.decode(prompt.tokens, skipSpecialTokens: true) == "User: Hé \"<image>\" \\\nAssistant:")
        let generation = try GreedyGeneration(prompt, length: 4, on: model.model, backend)
        let logits = try generation.prefill(logitRows: [Int32(prompt.tokens.count - 1)])
        #expect(logits.count == 330 && logits.allSatisfy(\.isFinite) && Set(logits).count > 100)
        #expect(try generation.tokens(4).count == 4)
        #expect(model.card.parameterCount > 50_000)
    }
}

extension Array where Element == UInt8 {
    /// The bytes with the first `pattern` replaced by as many others.
    fileprivate func replacing(_ pattern: [UInt8], with other: [UInt8]) -> [UInt8]? {
        precondition(pattern.count == other.count)
        guard let start = indices.first(where: { self[$0...].starts(with: pattern) }) else { return nil }
        var result = self
        result.replaceSubrange(start..<start + pattern.count, with: other)
        return result
    }
}
