/// Integers at absolute offsets of untrusted bytes: nil beyond the end, never a trap.
struct ByteReader {
    let bytes: [UInt8]
    let isBigEndian: Bool

    var count: Int { bytes.count }

    /// The unsigned integer of `width` bytes (1 to 8) at `offset`; nil too when it exceeds `Int.max`.
    func integer(at offset: Int, width: Int) -> Int? {
        guard offset >= 0, offset <= count - width else { return nil }
        var value: UInt64 = 0
        for i in 0..<width {
            value = value << 8 | UInt64(bytes[offset + (isBigEndian ? i : width - 1 - i)])
        }
        return Int(exactly: value)
    }

    func signedInteger32(at offset: Int) -> Int? {
        integer(at: offset, width: 4).map { Int(Int32(truncatingIfNeeded: $0)) }
    }

    /// Whether the ASCII `text` stands at `offset`.
    func has(_ text: String, at offset: Int) -> Bool {
        offset >= 0 && offset <= count && bytes[offset...].starts(with: text.utf8)
    }
}
