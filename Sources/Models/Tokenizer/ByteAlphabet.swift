/// The printable stand-ins of GPT-2 for the 256 bytes, in which byte-level vocabularies are written.
///
/// Printable Latin-1 bytes stand for themselves; the other 68 follow, in order, from U+0100 on (space is Ġ).
enum ByteAlphabet {
    private static let scalars: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (0...255).map { (byte: UInt32) in
            switch byte {
            case 33...126, 161...172, 174...255: return Unicode.Scalar(UInt8(byte))
            default:
                defer { next += 1 }
                return Unicode.Scalar(next) ?? "?"
            }
        }
    }()

    private static let bytes = Dictionary(
        uniqueKeysWithValues: scalars.enumerated().map { ($0.element, UInt8($0.offset)) })

    /// The UTF-8 of the stand-in of `byte`.
    static func symbol(of byte: UInt8) -> [UInt8] { Array(String(scalars[Int(byte)]).utf8) }

    /// The bytes that `token` stands for, or nil when it holds a character outside the alphabet.
    static func decode(_ token: String) -> [UInt8]? {
        var result: [UInt8] = []
        for scalar in token.unicodeScalars {
            guard let byte = bytes[scalar] else { return nil }
            result.append(byte)
        }
        return result
    }
}
