/// ggml's simple blocks of 32 values that share a scale, and what each value is.
///
/// In the 4-bit types byte i holds value i in its low half and value i + 16 in its high half. Scales and minima are f16.
enum GGUFBlocks: Hashable, Sendable {
    /// d, then 16 bytes: (q − 8) · d.
    case q4_0
    /// d, m, then 16 bytes: q · d + m.
    case q4_1
    /// d, then 32 signed bytes: q · d.
    case q8_0

    static let elements = 32

    var blockBytes: Int {
        switch self {
        case .q4_0: 18
        case .q4_1: 20
        case .q8_0: 34
        }
    }

    enum Outcome {
        case done
        /// A value is too large for the type that was asked for.
        case tooLarge
        /// A scale or minimum is infinite or no number.
        case notFinite
    }

    /// Writes the values of whole blocks to `target`, which has room for them, rounded to `Value` once.
    func widen<Value: BinaryFloatingPoint>(
        _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableBufferPointer<Value>
    ) -> Outcome {
        // Sixteen values are all that a 4-bit block can hold: rounding is slow where it is done in software.
        withUnsafeTemporaryAllocation(of: Value.self, capacity: 16) { values in
            var largest: Float = 0
            for block in 0..<bytes.count / blockBytes {
                let start = block * blockBytes
                let scale = Self.half(bytes, start)
                let minimum = self == .q4_1 ? Self.half(bytes, start + 2) : self == .q4_0 ? -8 * scale : 0
                guard scale.isFinite, minimum.isFinite else { return .notFinite }
                let first = block * Self.elements
                if self == .q8_0 {
                    for index in 0..<Self.elements {
                        let value = Float(Int8(bitPattern: bytes[start + 2 + index])) * scale
                        largest = max(largest, abs(value))
                        target[first + index] = Value(value)
                    }
                } else {
                    largest = max(largest, abs(minimum), abs(15 * scale + minimum))
                    for code in 0..<16 { values[code] = Value(Float(code) * scale + minimum) }
                    let codes = start + blockBytes - 16
                    for index in 0..<16 {
                        let byte = bytes[codes + index]
                        target[first + index] = values[Int(byte & 15)]
                        target[first + index + 16] = values[Int(byte >> 4)]
                    }
                }
            }
            return Value(largest).isFinite ? .done : .tooLarge
        }
    }

    private static func half(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Float {
        Float(Float16(bitPattern: UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))))
    }
}
