/// Turns tokens into text as they come, holding back the bytes of a character until it is whole.
///
/// The pieces joined are exactly what `Tokenizer.decode` gives for all tokens at once. With byte fallback that means
/// holding back a whole run of byte tokens: Hugging Face makes U+FFFD of every byte of a run that is not UTF-8 throughout.
public struct StreamingDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skipSpecialTokens: Bool
    private var pending: [UInt8] = []
    private var spacesToStrip: Int

    init(tokenizer: Tokenizer, skipSpecialTokens: Bool) {
        self.tokenizer = tokenizer
        self.skipSpecialTokens = skipSpecialTokens
        spacesToStrip = tokenizer.strippedSpaces
    }

    /// The text that `token` completes; empty while a character, or a run of fallback bytes, is unfinished.
    public mutating func push(_ token: Int32) -> String {
        if skipSpecialTokens, tokenizer.isSpecial(token) { return "" }
        let bytes = tokenizer.bytes(of: token)
        switch tokenizer.spelling {
        case .byteLevel:
            pending += bytes
            let whole = pending.count - UTF8Sequence.unfinishedSuffix(of: pending)
            defer { pending.removeFirst(whole) }
            return String(decoding: pending[..<whole], as: UTF8.self)
        case .sentencePiece:
            if tokenizer.isFallbackByte(token) {
                pending += bytes
                return ""
            }
            // An unknown id is as if it were not there: it ends no run.
            return bytes.isEmpty ? "" : stripping(finishedRun() + String(decoding: bytes, as: UTF8.self))
        }
    }

    /// What is left at the end of the answer: U+FFFD for an unfinished character, or a run of fallback bytes; else nothing.
    public mutating func finish() -> String {
        guard tokenizer.spelling == .byteLevel else { return stripping(finishedRun()) }
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }

    private mutating func finishedRun() -> String {
        defer { pending = [] }
        return String(validating: pending, as: UTF8.self) ?? String(repeating: "\u{FFFD}", count: pending.count)
    }

    /// Leaves out spaces at the very beginning of the text.
    private mutating func stripping(_ text: String) -> String {
        guard spacesToStrip > 0, !text.isEmpty else { return text }
        let spaces = text.utf8.prefix(spacesToStrip).prefix { $0 == UInt8(ascii: " ") }.count
        spacesToStrip = spaces == text.utf8.count ? spacesToStrip - spaces : 0
        return String(text.unicodeScalars.dropFirst(spaces))
    }
}
