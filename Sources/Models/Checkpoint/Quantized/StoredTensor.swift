/// One tensor of a checkpoint as it is stored, before anybody knows what it is a part of.
struct StoredTensor: Sendable {
    let file: Safetensors
    let entry: Safetensors.Entry

    var shape: [Int] { entry.shape }
    var type: StoredType { entry.type }
    var bytes: UnsafeRawBufferPointer { file.bytes(of: entry) }

    /// Types that scales may have.
    private static let scaleTypes = ["F32", "F16", "BF16", "F8_E4M3"]

    func expect(types: [String]) throws {
        guard types.contains(type.name) else {
            throw ModelError.unsupportedType(
                tensor: entry.name, file: file.file.path, found: type.name, supported: types.joined(separator: ", "))
        }
    }

    func expect(shape expected: [Int]) throws {
        guard shape == expected else {
            throw ModelError.wrongShape(
                tensor: entry.name, file: file.file.path, expected: expected, found: shape)
        }
    }

    func expectScales() throws { try expect(types: Self.scaleTypes) }

    /// A matrix of `type`; what its rows and columns hold is the caller's affair.
    func expectMatrix(of type: String) throws {
        try expect(types: [type])
        guard shape.count == 2, !shape.contains(0) else { throw failure("its shape \(shape) is not that of a matrix") }
    }

    /// The values of a tensor of scales as f32, which holds them exactly; all are finite.
    func scales() throws -> [Float] {
        let bytes = bytes
        let values: [Float] =
            switch type.name {
            case "F32": (0..<entry.count).map { Float(bitPattern: word(bytes, $0)) }
            case "F16": (0..<entry.count).map { Float(Float16(bitPattern: word(bytes, $0))) }
            case "BF16": (0..<entry.count).map { Float(bitPattern: UInt32(word(bytes, $0) as UInt16) << 16) }
            default: E4M3.values(of: bytes)
            }
        if let index = values.firstIndex(where: { !$0.isFinite }) {
            throw failure("scale \(index) of \(values.count) is infinite or no number")
        }
        return values
    }

    /// The values of a tensor of whole numbers.
    func integers() -> [Int] {
        let bytes = bytes
        return type.name == "I64"
            ? (0..<entry.count).map { Int(truncatingIfNeeded: word(bytes, $0) as Int64) }
            : (0..<entry.count).map { Int(word(bytes, $0) as Int32) }
    }

    func failure(_ reason: String) -> ModelError {
        .malformedQuantization(tensor: entry.name, file: file.file.path, reason: reason)
    }

    private func word<Word: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Word {
        Word(littleEndian: bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<Word>.size, as: Word.self))
    }
}
