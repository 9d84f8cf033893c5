/// What is done to text before it is cut into words: the normalisers that supported models have, in the file's order.
struct TextNormalizer: Sendable {
    private enum Change: Sendable {
        case nfc
        /// `▁` before every text that is not empty.
        case leadingMark
        /// `▁` for every space.
        case spaceMarks
    }

    private var changes: [Change] = []

    init(_ step: TokenizerFile.Step?, file: String) throws(TokenizerError) {
        guard let step else { return }
        for step in step.type == "Sequence" ? step.normalizers ?? [] : [step] {
            changes.append(try Self.change(step, file: file))
        }
    }

    private static func change(_ step: TokenizerFile.Step, file: String) throws(TokenizerError) -> Change {
        switch step.type {
        case "NFC": return .nfc
        case "Prepend" where step.prepend == "▁": return .leadingMark
        case "Replace" where step.pattern?.string == " " && step.content == "▁": return .spaceMarks
        default:
            throw .unsupportedStep(
                file: file, step: "normalizer \(step.type)",
                reason: "known are NFC, Prepend of \"▁\" and Replace of \" \" by \"▁\"")
        }
    }

    /// Whether no space is left in what was normalised.
    var marksSpaces: Bool { changes.contains { if case .spaceMarks = $0 { true } else { false } } }

    /// What is put in has the trust of what it stands for, or stands before.
    func normalize(_ source: SourceText) -> SourceText {
        changes.reduce(source) { source, change in
            switch change {
            case .nfc: return NFCNormalizer.normalize(source)
            case .leadingMark:
                guard let isTrusted = source.trusted.first else { return source }
                var result = SourceText("▁", isTrusted: isTrusted)
                result.append(source)
                return result
            case .spaceMarks:
                var result = SourceText()
                for (byte, isTrusted) in zip(source.utf8, source.trusted) {
                    for byte in byte == UInt8(ascii: " ") ? TokenSpelling.spaceMark : [byte] {
                        result.append(byte: byte, isTrusted: isTrusted)
                    }
                }
                return result
            }
        }
    }

    /// Hugging Face finds and prints such tokens in their normalised form. Marks are another matter: a token with one
    /// before it would be found at the beginning of a text only, so where spaces are marked tokens are found as they are.
    func normalizing(_ token: TokenizerFile.AddedToken) -> TokenizerFile.AddedToken {
        guard token.normalized, !changes.isEmpty else { return token }
        var token = token
        if marksSpaces {
            token.normalized = false
            return token
        }
        token.content = String(decoding: normalize(SourceText(token.content, isTrusted: true)).utf8, as: UTF8.self)
        return token
    }
}
