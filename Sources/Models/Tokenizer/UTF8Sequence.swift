/// The structure of UTF-8 (Unicode 16.0, table 3-7), where `String` would copy or repair.
enum UTF8Sequence {
    /// How many bytes at the end of `bytes` may still grow into one character: 0…3.
    ///
    /// A suffix that no continuation can make valid counts as finished: it is U+FFFD whatever follows.
    static func unfinishedSuffix(of bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let lead = bytes[bytes.count - length]
            if lead & 0xC0 == 0x80 { continue }
            guard length < self.length(lead: lead) else { return 0 }
            return length == 1 || isValidSecond(bytes[bytes.count - length + 1], after: lead) ? length : 0
        }
        return 0
    }

    /// Bytes of the sequence that starts with `lead`; 1 for a byte that starts none.
    static func length(lead: UInt8) -> Int {
        switch lead {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
    }

    /// Excludes overlong forms, surrogates and what lies beyond U+10FFFF.
    private static func isValidSecond(_ byte: UInt8, after lead: UInt8) -> Bool {
        switch lead {
        case 0xE0: (0xA0...0xBF).contains(byte)
        case 0xED: (0x80...0x9F).contains(byte)
        case 0xF0: (0x90...0xBF).contains(byte)
        case 0xF4: (0x80...0x8F).contains(byte)
        default: (0x80...0xBF).contains(byte)
        }
    }

    /// The scalar that starts at `position` of valid UTF-8, and its length in bytes.
    static func scalar(in bytes: [UInt8], at position: Int) -> (scalar: Unicode.Scalar, length: Int) {
        let lead = bytes[position]
        if lead < 0x80 { return (Unicode.Scalar(lead), 1) }
        let length = length(lead: lead)
        var value = UInt32(lead) & (0x7F >> UInt32(length))
        for offset in 1..<max(length, 2) where position + offset < bytes.count {
            value = value << 6 | UInt32(bytes[position + offset] & 0x3F)
        }
        return (Unicode.Scalar(value) ?? "\u{FFFD}", length)
    }

    /// The scalar that ends just before `position` of valid UTF-8, and its length in bytes.
    static func scalar(in bytes: [UInt8], before position: Int) -> (scalar: Unicode.Scalar, length: Int) {
        var start = position - 1
        while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
        return scalar(in: bytes, at: start)
    }
}
