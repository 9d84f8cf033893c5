import Compute
import Foundation
import Testing

@testable import Models

/// Quantised checkpoints of strangers: each mistake is an error that names what is wrong.
struct MalformedQuantizationTests {
    typealias Malformed = (name: String, words: String, change: @Sendable (inout QuantizedCheckpoint) -> Void)

    private static func without(_ part: String) -> @Sendable (inout QuantizedCheckpoint) -> Void {
        { $0[part] = nil }
    }

    private static func cut(_ part: String, _ shape: [Int], bytes: Int) -> @Sendable (inout QuantizedCheckpoint) -> Void
    {
        { checkpoint in
            checkpoint[part]?.shape = shape
            checkpoint[part]?.bytes.removeLast(bytes)
        }
    }

    /// What names, types and shapes show, which an audit sees: all of these are found before a tensor is read.
    static let structural: [Malformed] = [
        (
            "fp8-channel", "lacks the tensor model.text_model.layers.0.mlp.down_proj.weight_scale",
            without("weight_scale")
        ),
        ("fp8-block", "weight_scale_inv", without("weight_scale_inv")),
        ("nvfp4-modelopt", "weight_scale_2", without("weight_scale_2")),
        ("nvfp4-compressed", "weight_global_scale", without("weight_global_scale")),
        ("awq", "down_proj.qzeros", without("qzeros")), ("awq", "down_proj.scales", without("scales")),
        ("gptq", "down_proj.weight", without("qweight")), ("gptq-act-order", "down_proj.g_idx", without("g_idx")),
        ("int4-act-order", "weight_zero_point", without("weight_zero_point")),
        ("int4-symmetric", "weight_shape", without("weight_shape")),
        ("int4-act-order", "weight_g_idx", without("weight_g_idx")),
        ("fp8-channel", "shape [31, 1], expected [32, 1]", cut("weight_scale", [31, 1], bytes: 2)),
        ("fp8-block", "expected [2, 3]", cut("weight_scale_inv", [2, 2], bytes: 8)),
        ("fp8-modelopt", "expected [1]", { $0["weight_scale"] = StoredBytes("F32", [2], [UInt32(0), 0]) }),
        ("nvfp4-modelopt", "expected [64, 6]", cut("weight_scale", [64, 5], bytes: 64)),
        ("nvfp4-modelopt", "whole groups of 16", cut("weight", [64, 47], bytes: 64)),
        ("nvfp4-modelopt", "stored as F32", { $0["weight_scale"] = StoredBytes("F32", [1], [UInt32(0)]) }),
        ("awq", "expected [3, 64]", cut("scales", [2, 64], bytes: 128)),
        ("awq", "expected [3, 8]", cut("qzeros", [3, 7], bytes: 12)),
        ("awq", "expected [2, 64]", cut("qweight", [64, 8], bytes: 1024)),
        ("gptq", "expected [88]", cut("qweight", [11, 64], bytes: 256)),
        ("gptq", "stored as I64", { $0["qweight"] = StoredBytes("I64", [1, 1], [Int64(0)]) }),
        ("gptq", "is not that of a matrix", { $0["qweight"] = StoredBytes("I32", [1], [Int32(0)]) }),
        ("gptq", "is not that of a matrix", { $0["qweight"] = StoredBytes(type: "I32", shape: [12, 0], bytes: []) }),
        ("gptq", "scales", { $0["scales"]?.type = "I16" }),
        ("gptq", "expected [96]", cut("g_idx", [95], bytes: 4)),
        ("gptq", "holds the same weights", { $0["weight"] = StoredBytes("F32", [1], [UInt32(0)]) }),
        ("int4-symmetric", "[32, 65]", { $0["weight_shape"] = StoredBytes("I64", [2], [Int64(32), 65]) }),
        ("int4-symmetric", "[32, -64]", { $0["weight_shape"] = StoredBytes("I64", [2], [Int64(32), -64]) }),
        (
            "int4-symmetric", "[32, 9223372036854775807]",
            { $0["weight_shape"] = StoredBytes("I64", [2], [Int64(32), .max]) }
        ),
        ("int4-symmetric", "weight_shape", { $0["weight_shape"] = StoredBytes("I64", [1], [Int64(32)]) }),
        ("int4-act-order", "expected [8, 3]", cut("weight_zero_point", [7, 3], bytes: 12)),
        // Contradictions and leftovers.
        ("int4-symmetric", "no place for", { $0["weight_zero_point"] = StoredBytes("I32", [1], [Int32(0)]) }),
        ("fp8-channel", "no place for", { $0["scales"] = StoredBytes("F32", [1], [UInt32(0)]) }),
        ("fp8-channel", "not quantised", { $0.settings["ignore"] = ["re:.*down_proj"] }),
        ("nvfp4-modelopt", "not quantised", { $0.settings["ignore"] = ["model.layers.1.*"] }),
        ("fp8-block", "not quantised", { $0.settings["modules_to_not_convert"] = ["model.text_model.layers.0.mlp"] }),
        ("fp8-block", "stored as F8_E5M2", { $0["weight"]?.type = "F8_E5M2" }),
        ("fp8-channel", "stored as F8_E4M3", { $0.setWeightArgument("type", "int") }),
        ("awq", "expected [1, 64]", { $0.settings["group_size"] = 64 }),
        ("gptq-8-bits", "expected [1, 8]", { $0.settings["bits"] = 4 }),
    ]

    @Test(arguments: structural.indices)
    func `parts that do not fit are found by auditing, in the same words as by loading`(_ index: Int) throws {
        let malformed = Self.structural[index]
        var checkpoint = try QuantizedCheckpoint(malformed.name)
        malformed.change(&checkpoint)
        let folder = try checkpoint.write()
        let error = folder.loadingError
        #expect(error.contains(malformed.words) && error.contains(folder.path), "\(malformed.name): \(error)")
        let problems = CheckpointInspection(of: folder.path).problems
        #expect(problems.contains(error), "\(problems)")
    }

    private static func bits(_ value: Float) -> [UInt32] { [value.bitPattern] }

    /// What only reading shows.
    static let hidden: [Malformed] = [
        ("fp8-modelopt", "infinite or no number", { $0["weight_scale"] = StoredBytes("F32", [], bits(.nan)) }),
        ("fp8-modelopt", "infinite or no number", { $0["weight_scale"] = StoredBytes("F32", [], bits(.infinity)) }),
        ("fp8-modelopt", "infinite or no number", { $0["weight_scale"] = StoredBytes("F32", [], bits(3e38)) }),
        (
            "fp8-channel", "infinite or no number",
            { $0["weight_scale"]?.bytes.replaceSubrange(0..<2, with: [0x80, 0x7F]) }
        ),
        ("fp8-block", "a weight is infinite or no number", { $0["weight"]?.bytes[100] = 0x7F }),
        ("fp8-block", "a weight is infinite or no number", { $0["weight"]?.bytes[100] = 0xFF }),
        ("nvfp4-modelopt", "scale 3 of 384", { $0["weight_scale"]?.bytes[3] = 0x7F }),
        (
            "nvfp4-compressed", "nothing can be divided by",
            { $0["weight_global_scale"] = StoredBytes("F32", [1], bits(0)) }
        ),
        ("awq", "scale 0 of 192", { $0["scales"]?.bytes.replaceSubrange(0..<2, with: [0, 0xFC]) }),
        ("gptq-act-order", "group 3 of 3", { $0["g_idx"]?.bytes.replaceSubrange(0..<4, with: [3, 0, 0, 0]) }),
        ("gptq-act-order", "group -1 of 3", { $0["g_idx"]?.bytes.replaceSubrange(4..<8, with: [255, 255, 255, 255]) }),
        ("gptq", "group 1000000 of 3", { $0["g_idx"]?.map { (_: Int32) in 1_000_000 } }),
        ("int4-act-order", "group 258 of 3", { $0["weight_g_idx"]?.bytes[1] = 1 }),
    ]

    @Test(arguments: hidden.indices)
    func `scales and indices that no weight can be made of are errors that name the tensor`(_ index: Int) throws {
        let malformed = Self.hidden[index]
        var checkpoint = try QuantizedCheckpoint(malformed.name)
        malformed.change(&checkpoint)
        let folder = try checkpoint.write()
        let error = folder.loadingError
        #expect(error.contains(malformed.words), "\(malformed.name): \(error)")
        #expect(error.contains(checkpoint.module) && error.contains("model.safetensors"), "\(error)")
    }

    /// Settings that Docent does not know, and what the error says.
    static let unsupported: [Malformed] = [
        (
            "awq", "quant_method is \"bitsandbytes\"",
            { $0.settings = ["quant_method": "bitsandbytes", "load_in_4bit": true] }
        ),
        ("awq", "compressed-tensors, modelopt, fp8, awq, gptq", { $0.settings = ["quant_method": "fbgemm_fp8"] }),
        ("awq", "quantization_config.quant_method should be", { $0.settings = ["bits": 4] }),
        ("awq", "version is \"gemv\"", { $0.settings["version"] = "gemv" }),
        ("awq", "bits is 3", { $0.settings["bits"] = 3 }), ("awq", "zero_point", { $0.settings["zero_point"] = false }),
        ("awq", "group_size should be", { $0.settings["group_size"] = 0 }),
        ("awq", "group_size should be", { $0.settings["group_size"] = -2 }),
        ("awq", "modules_to_not_convert", { $0.settings["modules_to_not_convert"] = "visual" }),
        ("gptq", "checkpoint_format is \"marlin\"", { $0.settings["checkpoint_format"] = "marlin" }),
        ("gptq", "is_marlin_format", { $0.settings["is_marlin_format"] = true }),
        ("gptq", "bits is 3", { $0.settings["bits"] = 3 }),
        ("gptq", "bits should be", { $0.settings["bits"] = NSNull() }),
        ("gptq", "dynamic", { $0.settings["dynamic"] = ["+:.*down_proj": ["bits": 8]] }),
        ("gptq", "loaded", { $0.settings["dynamic"] = ["-:.*gate_proj": [String: Int]()] }),
        ("fp8-block", "fmt is \"e5m2\"", { $0.settings["fmt"] = "e5m2" }),
        ("fp8-block", "weight_block_size should be", { $0.settings["weight_block_size"] = [16] }),
        ("fp8-block", "weight_block_size should be", { $0.settings["weight_block_size"] = [16, 0] }),
        ("fp8-block", "weight_scale:", { $0.settings["weight_block_size"] = NSNull() }),
        ("fp8-modelopt", "quantization.quant_algo is \"W4A8_AWQ\"", { $0.settings["quant_algo"] = "W4A8_AWQ" }),
        ("nvfp4-modelopt", "group_size is 32", { $0.settings["group_size"] = 32 }),
        ("fp8-channel", "format is \"marlin-24\"", { $0.settings["format"] = "marlin-24" }),
        ("fp8-channel", "sparsity_config", { $0.settings["sparsity_config"] = ["format": "sparse-24-bitmask"] }),
        ("fp8-channel", "loaded", { $0.settings["sparsity_config"] = ["format": "dense"] }),
        ("fp8-channel", "loaded", { $0.settings["transform_config"] = [String: Int]() }),
        ("fp8-channel", "transform_config", { $0.settings["transform_config"] = ["config_groups": [String: Int]()] }),
        ("fp8-channel", "config_groups should be", { $0.settings["config_groups"] = NSNull() }),
        (
            "fp8-channel", "at most 64 groups",
            { $0.settings["config_groups"] = Dictionary(uniqueKeysWithValues: (0..<65).map { ("\($0)", NSNull()) }) }
        ),
        ("fp8-channel", "weights.strategy is \"token\"", { $0.setWeightArgument("strategy", "token") }),
        ("fp8-channel", "weights.num_bits is 6", { $0.setWeightArgument("num_bits", 6) }),
        ("fp8-channel", "weights.num_bits is 8", { $0.setWeightArgument("symmetric", false) }),
        ("fp8-channel", "ignore", { $0.settings["ignore"] = ["re:(.*)+"] }),
        ("fp8-channel", "block_structure", { $0.setWeightArgument("strategy", "block") }),
        ("int4-symmetric", "num_bits is 2", { $0.setWeightArgument("num_bits", 2) }),
        ("int4-symmetric", "group_size", { $0.setWeightArgument("group_size", NSNull()) }),
        ("nvfp4-compressed", "group_size is 32", { $0.setWeightArgument("group_size", 32) }),
    ]

    @Test(arguments: unsupported.indices)
    func `settings that are not implemented are errors that name them, and what is goes through`(_ index: Int) throws {
        let malformed = Self.unsupported[index]
        var checkpoint = try QuantizedCheckpoint(malformed.name)
        malformed.change(&checkpoint)
        let folder = try checkpoint.write()
        let error = folder.loadingError
        #expect(error.contains(malformed.words), "\(malformed.name): \(error)")
        let problems = CheckpointInspection(of: folder.path).problems
        #expect(error == "loaded" ? problems.isEmpty : problems.contains(error), "\(problems)")
    }

    /// Shapes of any part, right ones among them; a part is zeros then.
    private static let shapes = [
        [], [1], [64, 0], [1, 64], [12, 64], [32, 1], [64, 96], [2, 2, 2], [1 << 40, 0],
    ]

    @Test(arguments: QuantizedCheckpoint.names)
    func `whatever type and shape a part has, it is read or it is an error, and nothing ends the process`(
        _ name: String
    )
        throws
    {
        var checkpoint = try QuantizedCheckpoint(name)
        checkpoint.settings["quant_method"] = checkpoint.settings["quant_method"] ?? "modelopt"
        let shape = try #require(checkpoint.goldens[checkpoint.module + ".weight"]?.shape)
        let prefix = checkpoint.module + "."
        let parts = Dictionary(
            uniqueKeysWithValues: checkpoint.tensors.filter { $0.key.hasPrefix(prefix) }.map {
                (String($0.key.dropFirst(prefix.count)), $0.value)
            })
        #expect(try QuantizedCheckpoint.matrix(checkpoint.settings, parts, shape).shape == shape)
        var refused = 0
        for part in parts.keys where !part.hasPrefix("input") {
            for shapeOfPart in Self.shapes {
                for (type, size) in [("F32", 4), ("I32", 4), ("F8_E4M3", 1)] {
                    var changed = parts
                    let bytes = [UInt8](repeating: 0, count: shapeOfPart.reduce(size, *))
                    changed[part] = StoredBytes(type: type, shape: shapeOfPart, bytes: bytes)
                    do {
                        _ = try QuantizedCheckpoint.matrix(checkpoint.settings, changed, shape)
                    } catch is ModelError {
                        refused += 1
                    }
                }
            }
        }
        #expect(refused > 30)
    }

    @Test func `codes without settings are an error that says where they belong`() throws {
        for name in ["fp8-channel", "fp8-block", "nvfp4-modelopt"] {
            let folder = try QuantizedCheckpoint(name).write()
            try folder.edit("config.json") { $0["quantization_config"] = nil }
            #expect(folder.loadingError.contains("quantization_config"), "\(folder.loadingError)")
        }
        // GPTQ's are under names that nobody knows otherwise.
        let folder = try QuantizedCheckpoint("gptq").write()
        try folder.edit("config.json") { $0["quantization_config"] = nil }
        #expect(folder.loadingError.contains("q_proj.weight"), "\(folder.loadingError)")
    }

    @Test func `a bias of zeros that the model has no place for is passed over, any other is not`() throws {
        var checkpoint = try QuantizedCheckpoint("gptq")
        checkpoint["bias"] = StoredBytes("F16", [64], [UInt16](repeating: 0, count: 64))
        let folder = try checkpoint.write()
        #expect(folder.loadingError == "loaded" && CheckpointInspection(of: folder.path).problems == [])
        checkpoint["bias"]?.bytes[127] = 1
        let other = try checkpoint.write()
        #expect(other.loadingError.contains("no place for"), "\(other.loadingError)")
        // Where it has a place, zeros are a bias like any other.
        let module = "model.layers.1.self_attn.v_proj"
        checkpoint["bias"] = nil
        checkpoint.tensors[module + ".bias"]?.bytes = [UInt8](repeating: 0, count: 128)
        let third = try checkpoint.write()
        #expect(third.loadingError == "loaded", "\(third.loadingError)")
    }

    @Test func `modules of several groups each have their own layout`() throws {
        var checkpoint = try QuantizedCheckpoint("fp8-channel")
        let integers = try QuantizedCheckpoint("int4-symmetric")
        for part in ["weight", "weight_scale"] { checkpoint[part] = nil }
        for part in ["weight_packed", "weight_scale", "weight_shape"] { checkpoint[part] = integers[part] }
        let groups = [checkpoint, integers].map { $0.settings["config_groups"] as? [String: [String: Any]] ?? [:] }
        var packed = groups[1]["group_0"] ?? [:]
        packed["targets"] = ["re:.*down_proj"]
        packed["format"] = "pack-quantized"
        checkpoint.settings["config_groups"] = ["group_0": groups[0]["group_0"] ?? [:], "group_1": packed]
        checkpoint.settings["format"] = "mixed-precision"
        let name = checkpoint.module + ".weight"
        let found = try checkpoint.dequantized()
        #expect(found[name] == integers.goldens[name])
        #expect(found.filter { $0.key != name } == checkpoint.goldens.filter { $0.key != name })
    }

    @Test func `an inspection says how matrices are stored and what they take once loaded`() throws {
        let folder = try QuantizedCheckpoint("awq").write()
        let inspection = CheckpointInspection(of: folder.path)
        #expect(inspection.problems == [] && inspection.isQuantisable)
        #expect(inspection.storedQuantization == "4-bit integers with a scale for each 32 inputs, as awq writes it")
        let dequantized = try QuantizedCheckpoint("awq").writeDequantized()
        let plain = CheckpointInspection(of: dequantized.path)
        #expect(inspection.parameters == plain.parameters && plain.storedQuantization == nil)
        let loaded = try #require(inspection.dequantizedBytes)
        #expect(inspection.files[0].bytes < loaded && inspection.report.contains("quantised: 4-bit integers"))
        let tensors = try SafetensorsBytes.tensors(of: dequantized.path + "/model.safetensors")
        #expect(loaded == tensors.values.reduce(0) { $0 + $1.bytes.count })
        let card = try ModelLoader.load(folder.path, backend: CPUBackend(threads: 1)).card
        #expect(card.parameterCount == plain.parameters)
    }

    @Test func `settings with only scales for the cache, and plain weights under any settings, load as they are`()
        throws
    {
        let cacheOnly = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        try cacheOnly.write(
            Array(#"{"quantization": {"quant_algo": null, "kv_cache_quant_algo": "FP8"}}"#.utf8),
            to: "hf_quant_config.json")
        var tensors = try SafetensorsBytes.tensors(of: cacheOnly.path + "/model.safetensors")
        tensors["model.text_model.layers.0.self_attn.k_proj.k_scale"] = StoredBytes("F32", [], [UInt32(0)])
        try cacheOnly.write(SafetensorsBytes.file(tensors), to: "model.safetensors")
        #expect(cacheOnly.loadingError == "loaded", "\(cacheOnly.loadingError)")
        for (key, value) in [("quant_algo", NSNull() as Any), ("quant_algo", "FP8")] {
            let folder = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
            try folder.edit("config.json") {
                $0["quantization_config"] = ["quant_method": "modelopt", key: value, "kv_cache_quant_algo": "FP8"]
            }
            #expect(folder.loadingError == "loaded")
            #expect(CheckpointInspection(of: folder.path).storedQuantization == nil)
        }
    }
}
