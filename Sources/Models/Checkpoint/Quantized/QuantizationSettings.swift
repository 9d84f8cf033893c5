/// What a checkpoint says of how its matrices are quantised: `quantization_config` in config.json, or ModelOpt's
/// hf_quant_config.json.
///
/// Scales of activations and of the key/value cache are passed over: both stay in floating point here, which is what those
/// scales approximate.
struct QuantizationSettings: Sendable {
    /// A layout, and the modules that have it.
    struct Group: Sendable {
        /// Nil for every linear layer that no other group names.
        let targets: ModulePatterns?
        let layout: QuantizedLayout
    }

    /// "compressed-tensors", "awq", …
    let method: String
    let groups: [Group]
    /// Modules that are not quantised. The files say so too, and under names that are certainly theirs, so this is only held
    /// against them.
    let ignored: ModulePatterns

    static let ignoredSuffixes = [
        ".input_scale", ".input_global_scale", ".output_scale", ".q_scale", ".k_scale", ".v_scale", ".kv_scale",
    ]

    /// The settings of `checkpoint`; nil when there are none.
    init?(_ checkpoint: Checkpoint) throws {
        let file = checkpoint.folder + "/hf_quant_config.json"
        let found =
            if let settings = try Self.section(checkpoint.settings) {
                try QuantizationSettings(settings)
            } else {
                try Checkpoint.optionalSettings(file)?.section("quantization").flatMap(Self.modelOpt)
            }
        guard let found else { return nil }
        self = found
    }

    init(method: String, groups: [Group], ignored: ModulePatterns) {
        self.method = method
        self.groups = groups
        self.ignored = ignored
    }

    private init(_ settings: Settings) throws {
        switch try settings.string("quant_method") {
        case "compressed-tensors": self = try .compressedTensors(settings)
        case "fp8": self = try .float8(settings)
        case "awq": self = try .awq(settings)
        case "gptq": self = try .gptq(settings)
        case "modelopt", "modelopt_fp4": self = try .modelOpt(settings)
        default:
            throw settings.unsupported(
                "quant_method", supported: "compressed-tensors, modelopt, fp8, awq, gptq, and GGUF files")
        }
    }

    /// Composite models may have them beside the decoder's settings.
    private static func section(_ root: Settings) throws -> Settings? {
        for part in [root, try root.section("text_config"), try root.section("llm_config")] {
            for key in ["quantization_config", "compression_config"] {
                if let found = try part?.section(key) { return found }
            }
        }
        return nil
    }

    /// The layout of a tensor that its name and type make a quantised matrix's codes; `suffix`: the name's end.
    func layout(of module: QuantizedModule, suffix: Substring, _ tensor: StoredTensor) -> QuantizedLayout? {
        guard suffix == "weight" || suffix == "qweight" || suffix == "weight_packed" else { return nil }
        let names = Self.names(module, tensor, suffix)
        let named = groups.first { group in names.contains { group.targets?.match($0) ?? false } }
        guard let layout = (named ?? groups.first { $0.targets == nil })?.layout else { return nil }
        return layout.codes == suffix && layout.areCodes(tensor) ? layout : nil
    }

    /// The matrix whose codes are `tensor`.
    func matrix(
        _ layout: QuantizedLayout, _ module: QuantizedModule, _ tensor: StoredTensor
    ) throws -> any QuantizedMatrix {
        if Self.names(module, tensor, layout.codes[...]).contains(where: ignored.match) {
            throw tensor.failure("it holds codes, but the settings say that its layer is not quantised")
        }
        if layout.codes != "weight", let plain = module.optionalPart("weight") {
            throw plain.failure("\(tensor.entry.name) holds the same weights")
        }
        return try layout.matrix(module)
    }

    /// Under which names settings may speak of a module: that of the files, and ours.
    private static func names(_ module: QuantizedModule, _ tensor: StoredTensor, _ suffix: Substring) -> [String] {
        [String(tensor.entry.name.dropLast(suffix.count + 1)), module.name]
    }
}

extension QuantizationSettings: CustomStringConvertible {
    /// "FP8 (E4M3) with a scale for each output, as compressed-tensors writes it".
    var description: String {
        let layouts = groups.map(\.layout.description)
        let distinct = layouts.indices.filter { !layouts[..<$0].contains(layouts[$0]) }.map { layouts[$0] }
        return distinct.joined(separator: "; ") + ", as \(method) writes it"
    }
}
