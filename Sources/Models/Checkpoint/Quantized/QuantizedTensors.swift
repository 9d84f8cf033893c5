import Compute

/// The tensors of a quantised checkpoint: each quantised matrix as one tensor `weight`, and all others as they are.
///
/// A matrix is what the files hold as one; the configuration says how to read it. It is dequantised when it is asked for
/// and its codes go back to the system at once, so that no more than one matrix is there twice.
struct QuantizedTensors: TensorSource {
    private let stored: CheckpointTensors
    /// By the weight's canonical name; what is wrong with a matrix is said when somebody asks for it.
    private let matrices: [String: Matrix]
    let names: Set<String>
    /// GPTQ's writers give every layer a bias, of zeros where the model has none; nobody needs to ask for those.
    private let zeroBiases: Set<String>
    /// How matrices are stored, in words; nil when none is quantised, whatever the settings say.
    let quantization: String?

    private struct Matrix {
        let content: Result<any QuantizedMatrix, any Error>
        /// Canonical names of what is stored.
        let parts: [String]
    }

    var folder: String { stored.folder }

    init(_ stored: CheckpointTensors, _ settings: QuantizationSettings) {
        var matrices: [String: Matrix] = [:]
        var names = stored.names.filter { name in !QuantizationSettings.ignoredSuffixes.contains(where: name.hasSuffix)
        }
        for name in names.sorted() {
            guard let dot = name.lastIndex(of: ".") else { continue }
            let module = QuantizedModule(tensors: stored, name: String(name[..<dot]))
            let suffix = name[name.index(after: dot)...]
            guard let tensor = stored.stored(name), let layout = settings.layout(of: module, suffix: suffix, tensor)
            else {
                continue
            }
            let content = Result { try settings.matrix(layout, module, tensor) }
            let parts = layout.parts.map { module.name + "." + $0 }.filter(stored.contains)
            names.subtract(parts)
            matrices[module.name + ".weight"] = Matrix(content: content, parts: parts)
        }
        let zeroBiases = matrices.keys.map { $0.dropLast("weight".count) + "bias" }.filter { bias in
            stored.stored(bias)?.bytes.allSatisfy { $0 == 0 } ?? false
        }
        names.subtract(zeroBiases)
        names.formUnion(matrices.keys)
        self.zeroBiases = Set(zeroBiases)
        self.stored = stored
        quantization = matrices.isEmpty ? nil : settings.description
        self.matrices = matrices
        self.names = names
    }

    func contains(_ name: String) -> Bool { names.contains(name) || zeroBiases.contains(name) }

    func shape(of name: String) -> [Int]? {
        guard let matrix = matrices[name] else { return stored.shape(of: name) }
        return try? matrix.content.get().shape
    }

    func check(_ name: String, shape: [Int]) throws {
        guard let matrix = matrices[name] else { return try stored.check(name, shape: shape) }
        let content = try matrix.content.get()
        guard content.shape == shape else {
            throw ModelError.wrongShape(
                tensor: content.codes.entry.name, file: content.codes.file.file.path, expected: shape,
                found: content.shape)
        }
    }

    func tensor(_ name: String, shape: [Int]) throws -> Tensor {
        guard let matrix = matrices[name] else { return try stored.tensor(name, shape: shape) }
        try check(name, shape: shape)
        let tensor = try matrix.content.get().dequantized()
        discard(name)
        return tensor
    }

    func discard(_ name: String) { (matrices[name]?.parts ?? [name]).forEach(stored.discard) }

    // MARK: What an inspection says

    /// Elements of all tensors as a model sees them.
    var parameterCount: Int { names.reduce(0) { $0 + elements(of: $1) } }

    /// Bytes of all tensors once they are dequantised; matrices that need f32 take twice of what is counted here.
    var dequantizedBytes: Int {
        names.reduce(0) { sum, name in
            sum + (matrices[name] == nil ? stored.stored(name)?.entry.range.count ?? 0 : 2 * elements(of: name))
        }
    }

    private func elements(of name: String) -> Int { shape(of: name)?.reduce(1, *) ?? 0 }
}

extension Checkpoint {
    /// The tensors under the names that the model code uses, dequantised when they are taken.
    func tensors(_ aliases: TensorAliases) throws -> any TensorSource {
        let stored = try CheckpointTensors(self, aliases: aliases)
        return try QuantizationSettings(self).map { QuantizedTensors(stored, $0) } ?? stored
    }
}
