/// Turns tokens into text as they come, holding back the bytes of a character until it is whole.
///
/// The pieces joined are exactly what `Tokenizer.decode` gives for all tokens at once.
public struct StreamingDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skipSpecialTokens: Bool
    private var pending: [UInt8] = []

    init(tokenizer: Tokenizer, skipSpecialTokens: Bool) {
        self.tokenizer = tokenizer
        self.skipSpecialTokens = skipSpecialTokens
    }

    /// The text that `token` completes; empty while a character is unfinished.
    public mutating func push(_ token: Int32) -> String {
        if skipSpecialTokens, tokenizer.isSpecial(token) { return "" }
        pending.append(contentsOf: tokenizer.bytes(of: token))
        let whole = pending.count - UTF8Sequence.unfinishedSuffix(of: pending)
        defer { pending.removeFirst(whole) }
        return String(decoding: pending[..<whole], as: UTF8.self)
    }

    /// What is left at the end of the answer: U+FFFD for an unfinished character, else nothing.
    public mutating func finish() -> String {
        defer { pending = [] }
        return String(decoding: pending, as: UTF8.self)
    }
}
