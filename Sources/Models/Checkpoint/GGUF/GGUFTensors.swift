import Compute

/// The tensors of a GGUF file of a Llama under Hugging Face's names, in the order of rows that they have there.
///
/// Blocks become f16: rounding a weight by 2⁻¹² at most is far below what 8-bit activations lose, and f32 would take
/// twice the memory. All else stays where it is in the mapping.
struct GGUFTensors: TensorSource {
    let gguf: GGUF
    private let configuration: DecoderConfiguration
    /// Name in the file of each canonical name.
    private let storedNames: [String: String]

    var folder: String { gguf.file.path }
    var names: Set<String> { Set(storedNames.keys) }

    init(_ gguf: GGUF, _ configuration: DecoderConfiguration) throws {
        var storedNames: [String: String] = [:]
        for name in gguf.entries.keys.sorted() where name != GGUFNames.rotaryFactors {
            if let other = storedNames.updateValue(name, forKey: GGUFNames.canonicalName(of: name)) {
                throw ModelError.malformedGGUF(
                    file: gguf.file.path, reason: "tensor \(name): it is the same tensor as \(other)")
            }
        }
        self.gguf = gguf
        self.configuration = configuration
        self.storedNames = storedNames
    }

    func contains(_ name: String) -> Bool { storedNames[name] != nil }

    func shape(of name: String) -> [Int]? { storedNames[name].flatMap { gguf.entries[$0]?.shape } }

    func check(_ name: String, shape: [Int]) throws { _ = try find(name, shape: shape) }

    func tensor(_ name: String, shape: [Int]) throws -> Tensor {
        let (entry, reading) = try find(name, shape: shape)
        let tensor =
            switch reading {
            case .inPlace(let type): inPlace(entry, type)
            case .widened(let blocks): try widened(entry, blocks)
            }
        let ordered = rotatedHeads(of: name).map { Self.untangled(tensor, heads: $0) } ?? tensor
        // Pages of the mapping that were only copied from go back to the system.
        if ordered.storage !== gguf.file.storage { discard(name) }
        return ordered
    }

    func discard(_ name: String) {
        guard let stored = storedNames[name], let entry = gguf.entries[stored] else { return }
        gguf.file.release(entry.range)
    }

    private func find(_ name: String, shape: [Int]) throws -> (GGUF.Entry, GGUFTensorType.Reading) {
        guard let stored = storedNames[name], let entry = gguf.entries[stored] else {
            throw ModelError.missingTensors(names: [name], folder: folder)
        }
        guard let reading = entry.type.reading else {
            throw ModelError.unsupportedType(
                tensor: stored, file: folder, found: entry.type.name, supported: GGUFTensorType.supported)
        }
        guard entry.shape == shape else {
            throw ModelError.wrongShape(tensor: stored, file: folder, expected: shape, found: entry.shape)
        }
        return (entry, reading)
    }

    private func inPlace(_ entry: GGUF.Entry, _ type: DType) -> Tensor {
        // A file may ask for an alignment of 1; kernels want at least whole elements.
        guard entry.range.lowerBound.isMultiple(of: type.blockByteCount) else {
            let copy = Tensor.host(shape: entry.shape, type: type)
            copy.bytes.copyMemory(from: gguf.bytes(of: entry))
            return copy
        }
        return Tensor(
            shape: entry.shape, type: type, storage: gguf.file.storage, byteOffset: entry.range.lowerBound)
    }

    private func widened(_ entry: GGUF.Entry, _ blocks: GGUFBlocks) throws -> Tensor {
        let half = Tensor.host(shape: entry.shape, type: .f16)
        switch blocks.widen(gguf.bytes(of: entry), into: half.bytes.bindMemory(to: Float16.self)) {
        case .done: return half
        case .tooLarge:
            let single = Tensor.host(shape: entry.shape, type: .f32)
            _ = blocks.widen(gguf.bytes(of: entry), into: single.bytes.bindMemory(to: Float.self))
            return single
        case .notFinite:
            throw ModelError.malformedGGUF(
                file: folder, reason: "tensor \(entry.name): a block's scale is infinite or no number")
        }
    }

    // MARK: Rotary pairs

    /// How many heads the rows of a query's or key's projection belong to; nil for all other tensors.
    private func rotatedHeads(of name: String) -> Int? {
        if name.contains(".self_attn.q_proj.") { return configuration.heads }
        if name.contains(".self_attn.k_proj.") { return configuration.kvHeads }
        return nil
    }

    /// llama.cpp turns neighbouring rows of a head together, 2j and 2j + 1, and its converter puts them there;
    /// our rotary turns rows j and j + headSize / 2.
    private static func untangled(_ tensor: Tensor, heads: Int) -> Tensor {
        let headSize = tensor.shape[0] / heads
        let rowBytes = tensor.byteCount / tensor.shape[0]
        let result = Tensor.host(shape: tensor.shape, type: tensor.type)
        for row in 0..<tensor.shape[0] {
            let (head, place) = row.quotientAndRemainder(dividingBy: headSize)
            let (half, pair) = place.quotientAndRemainder(dividingBy: headSize / 2)
            let source = (head * headSize + 2 * pair + half) * rowBytes
            UnsafeMutableRawBufferPointer(rebasing: result.bytes[row * rowBytes..<(row + 1) * rowBytes])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: tensor.bytes[source..<source + rowBytes]))
        }
        return result
    }
}
