import Compute
import Foundation

@testable import Models

/// A tiny checkpoint some of whose matrices are quantised: written by Tests/Reference/quantized_tiny.py, for tests to spoil.
struct QuantizedCheckpoint {
    let name: String
    /// What config.json, or ModelOpt's own file, says.
    var settings: [String: Any]
    var tensors: [String: StoredBytes]
    /// The quantised matrices as f16.
    let goldens: [String: StoredBytes]
    private let isVision: Bool
    private let base: Base

    static let names = [
        "fp8-channel", "fp8-block", "int4-symmetric", "nvfp4-compressed", "fp8-modelopt", "int8-channel",
        "nvfp4-modelopt", "awq", "gptq", "gptq-act-order", "gptq-8-bits", "int4-act-order",
    ]

    init(_ name: String) throws {
        let folder = CheckpointFixtures.path("quantized")
        let listing = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: folder + "/schemes.json")))
        let scheme = (listing as? [[String: Any]])?.first { $0["name"] as? String == name } ?? [:]
        self.name = name
        settings = scheme["settings"] as? [String: Any] ?? [:]
        isVision = scheme["model"] as? String == "smolvlm"
        goldens = try SafetensorsBytes.tensors(of: folder + "/\(name).golden.safetensors")
        base = try (isVision ? Self.vision : Self.llama).get()
        let parts = try SafetensorsBytes.tensors(of: folder + "/\(name).safetensors")
        tensors = base.tensors.filter { [goldens] in goldens[$0.key] == nil }.merging(parts) { $1 }
    }

    /// The part of a matrix, one of each layout, that tests spoil.
    subscript(part: String) -> StoredBytes? {
        get { tensors[module + "." + part] }
        set { tensors[module + "." + part] = newValue }
    }

    /// The module that tests spoil.
    var module: String {
        isVision ? "model.text_model.layers.0.mlp.down_proj" : "model.layers.1.mlp.down_proj"
    }

    /// What the name of a matrix's codes ends in.
    var codesPart: String {
        ["weight_packed", "qweight"].first { self[$0] != nil } ?? "weight"
    }

    /// Sets an argument for the weights of compressed-tensors' only group.
    mutating func setWeightArgument(_ key: String, _ value: Any) {
        var groups = settings["config_groups"] as? [String: [String: Any]] ?? [:]
        var weights = groups["group_0"]?["weights"] as? [String: Any] ?? [:]
        weights[key] = value
        groups["group_0"]?["weights"] = weights
        settings["config_groups"] = groups
    }

    func write() throws -> TemporaryFolder {
        let folder = try base.write()
        try folder.write(SafetensorsBytes.file(tensors), to: "model.safetensors")
        if name == "fp8-modelopt" {
            let file = try JSONSerialization.data(withJSONObject: ["quantization": settings])
            try folder.write(Array(file), to: "hf_quant_config.json")
        } else {
            try folder.edit("config.json") { $0["quantization_config"] = settings }
        }
        return folder
    }

    /// The same model with f16 in place of what is quantised.
    func writeDequantized() throws -> TemporaryFolder {
        let folder = try base.write()
        try folder.write(SafetensorsBytes.file(base.tensors.merging(goldens) { $1 }), to: "model.safetensors")
        return folder
    }

    /// The tensors of a model, and the files beside them.
    private struct Base {
        let tensors: [String: StoredBytes]
        let files: [String: [UInt8]]

        init(_ folder: TemporaryFolder) throws {
            tensors = try SafetensorsBytes.tensors(of: folder.path + "/model.safetensors")
            files = try FileManager.default.contentsOfDirectory(atPath: folder.path).reduce(into: [:]) { files, name in
                guard name != "model.safetensors" else { return }
                files[name] = try Array(Data(contentsOf: URL(filePath: folder.path + "/" + name)))
            }
        }

        func write() throws -> TemporaryFolder {
            let folder = try TemporaryFolder()
            for (name, bytes) in files { try folder.write(bytes, to: name) }
            return folder
        }
    }

    /// Both are made once: most tests change a few of many tensors.
    private static let vision = Result { try Base(TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)) }
    private static let llama = Result {
        let folder = try TemporaryFolder()
        try GGUFLlama.writeFolder(folder)
        return try Base(folder)
    }

    /// A prompt with a picture where the model has eyes.
    func prompt(_ model: LoadedModel) throws -> Prompt {
        let text = ContentPart.text("Hello, what is this?")
        guard isVision else {
            return try model.processor.prompt(for: [ChatMessage(role: "user", content: [text])], images: [])
        }
        let image = try model.processor.process(DrawnPicture.image(width: 40, height: 24, seed: 3), maxTiles: nil)
        return try model.processor.prompt(for: [ChatMessage(role: "user", content: [.image, text])], images: [image])
    }

    /// The matrices as they are dequantised, in the form of the goldens.
    func dequantized() throws -> [String: StoredBytes] {
        let folder = try write()
        let aliases = isVision ? TensorAliases.smolVLM : TensorAliases(canonicalPrefixes: [:])
        return try goldens.reduce(into: [:]) { found, golden in
            found[golden.key] = try Self.tensor(golden.key, golden.value.shape, in: folder, aliases)
        }
    }

    /// A matrix by itself, as settings and parts say.
    static func matrix(_ settings: [String: Any], _ parts: [String: StoredBytes], _ shape: [Int]) throws -> StoredBytes
    {
        let folder = try TemporaryFolder()
        let config = try JSONSerialization.data(withJSONObject: ["quantization_config": settings])
        try folder.write(Array(config), to: "config.json")
        let tensors = Dictionary(uniqueKeysWithValues: parts.map { ("m." + $0, $1) })
        try folder.write(SafetensorsBytes.file(tensors), to: "model.safetensors")
        return try tensor("m.weight", shape, in: folder, TensorAliases(canonicalPrefixes: [:]))
    }

    private static func tensor(
        _ name: String, _ shape: [Int], in folder: TemporaryFolder, _ aliases: TensorAliases
    ) throws -> StoredBytes {
        let tensor = try Checkpoint(folder.path).tensors(aliases).tensor(name, shape: shape)
        return withExtendedLifetime(tensor) {
            StoredBytes(type: tensor.type.rawValue.uppercased(), shape: tensor.shape, bytes: Array(tensor.bytes))
        }
    }
}
