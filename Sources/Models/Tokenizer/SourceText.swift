/// UTF-8 with one trust mark for every byte: the form in which text is searched for added tokens.
struct SourceText {
    private(set) var utf8: [UInt8] = []
    private(set) var trusted: [Bool] = []

    init() {}

    init(_ text: String, isTrusted: Bool) { append(text, isTrusted: isTrusted) }

    init(_ prompt: PromptText) {
        for piece in prompt.pieces { append(piece.text, isTrusted: piece.isTrusted) }
    }

    mutating func append(_ text: String, isTrusted: Bool) {
        utf8.append(contentsOf: text.utf8)
        trusted.append(contentsOf: repeatElement(isTrusted, count: utf8.count - trusted.count))
    }

    mutating func append(byte: UInt8, isTrusted: Bool) {
        utf8.append(byte)
        trusted.append(isTrusted)
    }

    mutating func append(_ other: SourceText) {
        utf8 += other.utf8
        trusted += other.trusted
    }

    func isTrusted(_ range: Range<Int>) -> Bool { trusted[range].allSatisfy { $0 } }

    subscript(range: Range<Int>) -> SourceText {
        var part = SourceText()
        part.utf8 = Array(utf8[range])
        part.trusted = Array(trusted[range])
        return part
    }
}

extension PromptText {
    /// Pieces are as long as their trust allows.
    init(_ source: SourceText) {
        pieces = []
        var start = 0
        while start < source.utf8.count {
            let isTrusted = source.trusted[start]
            let end = source.trusted[start...].firstIndex(of: !isTrusted) ?? source.utf8.count
            pieces.append(Piece(text: String(decoding: source.utf8[start..<end], as: UTF8.self), isTrusted: isTrusted))
            start = end
        }
    }
}
