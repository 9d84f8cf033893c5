/// How a vocabulary writes text that is not plain: spaces, and bytes of characters that have no token.
enum TokenSpelling: Sendable {
    /// Every byte as a character of GPT-2's alphabet.
    case byteLevel
    /// As SentencePiece does (Kudo & Richardson 2018, arXiv:1808.06226): `▁` for a space, and `<0x0A>` for a byte of a
    /// character that has no token of its own.
    case sentencePiece

    /// U+2581 in UTF-8.
    static let spaceMark: [UInt8] = [0xE2, 0x96, 0x81]

    /// The token that stands for `byte`.
    func symbol(of byte: UInt8) -> [UInt8] {
        switch self {
        case .byteLevel: return ByteAlphabet.symbol(of: byte)
        case .sentencePiece:
            let digits = String(byte, radix: 16, uppercase: true)
            return Array("<0x\(digits.count == 1 ? "0" : "")\(digits)>".utf8)
        }
    }

    /// The bytes that `token` stands for.
    func bytes(of token: String) -> [UInt8] {
        switch self {
        // Hugging Face decodes added tokens through the byte alphabet too, when they fit it.
        case .byteLevel: ByteAlphabet.decode(token) ?? Array(token.utf8)
        case .sentencePiece: Self.fallbackByte(token).map { [$0] } ?? Self.unmarked(Array(token.utf8))
        }
    }

    /// The byte that `<0x0A>` or `<0x0a>` stands for; nil for every other token.
    static func fallbackByte(_ token: String) -> UInt8? {
        guard token.utf8.count == 6, token.hasPrefix("<0x"), token.hasSuffix(">") else { return nil }
        let digits = token.dropFirst(3).dropLast()
        return digits.allSatisfy(\.isHexDigit) ? UInt8(digits, radix: 16) : nil
    }

    private static func unmarked(_ text: [UInt8]) -> [UInt8] {
        var (result, position) = ([UInt8](), 0)
        result.reserveCapacity(text.count)
        while position < text.count {
            let isMark = text[position...].starts(with: spaceMark)
            result.append(isMark ? UInt8(ascii: " ") : text[position])
            position += isMark ? spaceMark.count : 1
        }
        return result
    }
}
