import Compute

/// What a checkpoint is and whether Docent can run it, from its settings and headers alone: no tensor is read.
public struct CheckpointInspection: Sendable, Equatable, Codable {
    public struct WeightFile: Sendable, Equatable, Codable {
        public var name: String
        public var bytes: Int
        public var tensors: Int
    }

    public var name: String
    /// "SmolVLM"; nil when Docent does not know the architecture.
    public var family: String?
    /// What config.json claims.
    public var architecture: String?
    /// The type that holds most of the bytes: "BF16".
    public var dtype: String?
    public var parameters: Int
    /// How the files hold quantised matrices: "FP8 (E4M3) with a scale for each output, as compressed-tensors writes it";
    /// nil when none are.
    public var storedQuantization: String?
    /// What the weights of a quantised checkpoint take once they are dequantised, `--quantize` aside.
    public var dequantizedBytes: Int?
    public var files: [WeightFile]
    /// Longest sequence, in tokens.
    public var contextLength: Int?
    /// Tokens of a picture that is not cut into tiles, tags not counted.
    public var imageTokens: Int?
    /// For models that take pictures in any size: the side of the square of pixels that becomes one token.
    public var imageTokenSide: Int?
    /// Whether `--quantize` makes the weights smaller.
    public var isQuantisable: Bool
    /// Why Docent cannot run it, one sentence each; empty when it can.
    public var problems: [String]

    public var isRunnable: Bool { problems.isEmpty }

    /// Looks into a folder or a GGUF file. Never throws: what is wrong is what the inspection is for.
    public init(of path: String) {
        name = ModelCard.name(ofFolder: path)
        parameters = 0
        files = []
        isQuantisable = false
        problems = []
        guard let isGGUF = attempt({ try GGUF.isMeant(by: path) }) else { return }
        if isGGUF { inspectGGUF(path) } else { inspectFolder(path) }
    }

    private mutating func inspectFolder(_ folder: String) {
        let settings = attempt { try Settings(contentsOf: folder + "/config.json") }
        let blueprint = settings.flatMap { readConfiguration($0) }
        let checkpoint = settings.flatMap { _ in attempt { try Checkpoint(folder) } }
        if let checkpoint { readWeights(checkpoint, blueprint) }
        let imageSettings = checkpoint.flatMap { checkpoint in
            blueprint.flatMap { blueprint in attempt { try blueprint.imageSettings(of: checkpoint) } }
        }
        let tokenizer = attempt {
            try Tokenizer.load(from: folder, isSpecial: blueprint?.isImageTag ?? { _ in false })
        }
        let template = attempt { try ModelLoader.template(of: folder) }
        if let checkpoint, let tokenizer { attempt { try GenerationDefaults(checkpoint, tokenizer: tokenizer) } }
        if let blueprint, let imageSettings, let tokenizer, let template {
            attempt { try blueprint.triedProcessor(imageSettings, tokenizer, template) }
        }
    }

    private mutating func inspectGGUF(_ path: String) {
        guard let gguf = attempt({ try GGUF(path) }) else { return }
        architecture = attempt { try GGUFCheckpoint.architecture(of: gguf) }
        parameters = gguf.parameterCount
        files = [WeightFile(gguf, tensors: gguf.entries.count)]
        dtype = Self.mostly(gguf.entries.values.map { ($0.type.name, $0.range.count) })
        guard architecture != nil, let checkpoint = attempt({ try GGUFCheckpoint(gguf) }) else { return }
        family = ModelFamily.llama.name
        let blueprint = checkpoint.blueprint
        contextLength = blueprint.shape.contextLength
        audit(checkpoint.tensors, blueprint)
        let tokenizer = attempt { try checkpoint.tokenizer() }
        let template = attempt { try checkpoint.template() }
        if let tokenizer, let template {
            attempt { try blueprint.triedProcessor(blueprint.standInImageSettings, tokenizer, template) }
        }
    }

    private mutating func audit(_ tensors: any TensorSource, _ blueprint: ModelFamily.Blueprint) {
        let audit = Weights.auditing(tensors)
        attempt { try blueprint.audit(audit) }
        problems += audit.problems.map(\.description)
        isQuantisable = audit.hasQuantisableMatrices
    }

    /// The type that holds most of the bytes.
    private static func mostly(_ entries: [(type: String, bytes: Int)]) -> String? {
        let bytesOfType = entries.reduce(into: [:]) { $0[$1.type, default: 0] += $1.bytes }
        return bytesOfType.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    }

    private mutating func readConfiguration(_ settings: Settings) -> ModelFamily.Blueprint? {
        architecture = attempt { try settings.strings("architectures").first ?? settings.string("model_type") }
        guard let family = attempt({ try ModelFamily.family(of: settings) }) else { return nil }
        self.family = family.name
        guard let blueprint = attempt({ try family.blueprint(settings) }) else { return nil }
        contextLength = blueprint.shape.contextLength
        imageTokens = blueprint.tokensPerFrame
        imageTokenSide = blueprint.tokenSide
        return blueprint
    }

    private mutating func readWeights(_ checkpoint: Checkpoint, _ blueprint: ModelFamily.Blueprint?) {
        parameters = checkpoint.parameterCount
        files = checkpoint.files.map { WeightFile($0, tensors: $0.entries.count) }
        dtype = Self.mostly(checkpoint.files.flatMap { $0.entries.values.map { ($0.type.name, $0.range.count) } })
        guard let blueprint else { return }
        guard let tensors = attempt({ try checkpoint.tensors(blueprint.aliases) }) else { return }
        if let quantized = tensors as? QuantizedTensors { describe(quantized) }
        audit(tensors, blueprint)
    }

    private mutating func describe(_ tensors: QuantizedTensors) {
        storedQuantization = tensors.quantization
        parameters = tensors.parameterCount
        dequantizedBytes = tensors.dequantizedBytes
    }

    /// The result of `work`; what it throws is a problem.
    @discardableResult
    private mutating func attempt<Result>(_ work: () throws -> Result) -> Result? {
        do {
            return try work()
        } catch {
            problems.append("\(error)")
            return nil
        }
    }
}

extension CheckpointInspection.WeightFile {
    init(_ weights: any WeightFile, tensors: Int) {
        self.init(
            name: String(weights.file.path.split(separator: "/").last ?? ""), bytes: weights.file.byteCount,
            tensors: tensors)
    }
}

extension CheckpointInspection {
    /// For people: one fact a line.
    public var report: String {
        var lines = ["\(name.printable): \(isRunnable ? "Docent can run it" : "Docent cannot run it")"]
        func add(_ label: String, _ value: String?) {
            if let value { lines.append("  \(label): \(value.printable)") }
        }
        add("architecture", architecture.map { family == nil ? $0 : "\($0) (\(family ?? "") family)" })
        add("parameters", parameters > 0 ? "\(Self.grouped(parameters)), mostly \(dtype ?? "unknown")" : nil)
        add("quantised", storedQuantization)
        add("loaded", dequantizedBytes.map { "about \(Self.grouped($0)) bytes without --quantize" })
        for file in files { add("file", "\(file.name), \(Self.grouped(file.bytes)) bytes, \(file.tensors) tensors") }
        add("context", contextLength.map { "\(Self.grouped($0)) tokens" })
        let image =
            imageTokens.map { "\($0) tokens for each frame" }
            ?? imageTokenSide.map { "one token for each \($0) × \($0) pixels" }
        add("image", contextLength == nil ? nil : image ?? "none: the model reads and writes text only")
        add("--quantize q8, q4", parameters > 0 ? (isQuantisable ? "possible" : "changes nothing") : nil)
        for problem in problems { add("problem", problem) }
        return lines.joined(separator: "\n")
    }

    /// "6,451,648".
    private static func grouped(_ number: Int) -> String {
        var digits = Array(String(number))
        for position in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: position) }
        return String(digits)
    }
}
