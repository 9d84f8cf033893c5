import Compute

/// The tensors of a checkpoint under the names that the model code uses.
struct CheckpointTensors: TensorSource {
    /// Buffers that old releases of transformers saved and that follow from the configuration, and RADIO's choice of tokens
    /// for a summary that no decoder sees.
    static let ignoredSuffixes = [".rotary_emb.inv_freq", ".position_ids", ".masked_bias", ".summary_idxs"]

    private static let supportedTypes =
        "F32, F16 and BF16, and quantised matrices as a quantization_config in config.json describes them"

    let checkpoint: Checkpoint
    /// Name in the files of each canonical name.
    private let storedNames: [String: String]

    var folder: String { checkpoint.folder }
    var names: Set<String> { Set(storedNames.keys) }

    /// Finds each tensor's canonical name among the generations of names in `aliases`.
    init(_ checkpoint: Checkpoint, aliases: TensorAliases) throws {
        var storedNames: [String: String] = [:]
        for name in checkpoint.fileOfTensor.keys.sorted() where !Self.ignoredSuffixes.contains(where: name.hasSuffix) {
            let canonical = aliases.canonicalName(of: name)
            if let other = storedNames.updateValue(name, forKey: canonical) {
                let file = checkpoint.entry(name)?.file.file.path ?? checkpoint.folder
                throw ModelError.malformedTensor(file: file, tensor: name, reason: "it is the same tensor as \(other)")
            }
        }
        self.checkpoint = checkpoint
        self.storedNames = storedNames
    }

    func contains(_ name: String) -> Bool { storedNames[name] != nil }

    /// The tensor `name` whatever its type is.
    func stored(_ name: String) -> StoredTensor? {
        storedNames[name].flatMap { checkpoint.entry($0) }.map { StoredTensor(file: $0.file, entry: $0.entry) }
    }

    func shape(of name: String) -> [Int]? {
        storedNames[name].flatMap { checkpoint.entry($0)?.entry.shape }
    }

    func check(_ name: String, shape: [Int]) throws { _ = try find(name, shape: shape) }

    func tensor(_ name: String, shape: [Int]) throws -> Tensor {
        let (entry, type, file) = try find(name, shape: shape)
        // The format does not align tensors; kernels want at least whole elements.
        guard entry.range.lowerBound.isMultiple(of: type.blockByteCount) else {
            let copy = Tensor.host(shape: shape, type: type)
            copy.bytes.copyMemory(from: file.bytes(of: entry))
            return copy
        }
        return Tensor(shape: shape, type: type, storage: file.file.storage, byteOffset: entry.range.lowerBound)
    }

    func discard(_ name: String) {
        guard let stored = storedNames[name], let (entry, file) = checkpoint.entry(stored) else { return }
        file.file.release(entry.range)
    }

    private func find(_ name: String, shape: [Int]) throws -> (Safetensors.Entry, DType, Safetensors) {
        guard let stored = storedNames[name], let (entry, file) = checkpoint.entry(stored) else {
            throw ModelError.missingTensors(names: [name], folder: folder)
        }
        guard let type = entry.type.computeType else {
            throw ModelError.unsupportedType(
                tensor: stored, file: file.file.path, found: entry.type.name, supported: Self.supportedTypes)
        }
        guard entry.shape == shape else {
            throw ModelError.wrongShape(tensor: stored, file: file.file.path, expected: shape, found: entry.shape)
        }
        return (entry, type, file)
    }
}
