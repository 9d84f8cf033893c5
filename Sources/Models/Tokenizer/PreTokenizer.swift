/// Cuts text into the words that byte-pair encoding then takes one by one.
struct PreTokenizer: Sendable {
    private enum Cut: Sendable, Equatable {
        /// Numbers apart from the rest, each digit by itself when `individually`.
        case digits(individually: Bool)
        case words(WordPattern)
    }

    /// Where `▁` is put before a text that does not begin with one; spaces become `▁` too.
    private enum Marking: String {
        case always, first, never
    }

    private var cuts: [Cut] = []
    private var marking: Marking?

    init(_ step: TokenizerFile.Step?, file: String) throws(TokenizerError) {
        guard let step else {
            throw .unsupportedStep(
                file: file, step: "pre_tokenizer null", reason: "byte-level BPE needs a ByteLevel pre-tokeniser")
        }
        let steps = step.type == "Sequence" ? step.pretokenizers ?? [] : [step]
        guard let last = steps.last, last.type == "ByteLevel" else {
            throw .unsupportedStep(
                file: file, step: "pre_tokenizer \(steps.last?.type ?? step.type)",
                reason: "the last pre-tokeniser of byte-level BPE is ByteLevel")
        }
        for step in steps.dropLast() { cuts.append(try Self.cut(step, file: file)) }
        if last.addPrefixSpace ?? true {
            throw .unsupportedStep(
                file: file, step: "pre_tokenizer ByteLevel",
                reason: "add_prefix_space puts a space before every text, which no supported model wants")
        }
        if last.useRegex ?? true { cuts.append(.words(.gpt2)) }
    }

    /// For a vocabulary as SentencePiece writes them, which knows no words: a text is one, spaces and all.
    ///
    /// - Parameter marksSpaces: whether the normaliser has left no space to cut at, which makes Gemma's cut one in name only.
    init(sentencePiece step: TokenizerFile.Step?, marksSpaces: Bool, file: String) throws(TokenizerError) {
        guard let step else { return }
        switch step.type {
        case "Split" where marksSpaces && step.pattern?.string == " ": return
        case "Metaspace" where step.replacement == "▁" && step.split == false:
            let scheme = step.prependScheme ?? (step.addPrefixSpace ?? true ? "always" : "never")
            guard let marking = Marking(rawValue: scheme) else {
                throw .unsupportedStep(
                    file: file, step: "pre_tokenizer Metaspace",
                    reason: "its prepend_scheme is \(scheme.prefix(100)), expected always, first or never")
            }
            self.marking = marking
        default:
            throw .unsupportedStep(
                file: file, step: "pre_tokenizer \(step.type)",
                reason: "BPE with byte_fallback takes none, a Metaspace of \"▁\" that does not split, "
                    + "or a Split at spaces behind a normaliser that replaces them")
        }
    }

    private static func cut(_ step: TokenizerFile.Step, file: String) throws(TokenizerError) -> Cut {
        switch step.type {
        case "Digits": return .digits(individually: step.individualDigits ?? false)
        case "Split":
            guard let regex = step.pattern?.regex, let pattern = WordPattern(regex: regex) else {
                throw .unsupportedStep(
                    file: file, step: "pre_tokenizer Split",
                    reason:
                        "the pattern \(step.pattern?.regex ?? "(a plain string)") is not one of GPT-2, Llama 3, Qwen2")
            }
            // These patterns match everything, so the matches alone (Removed, inverted) are the same cut.
            guard
                (step.behavior == "Isolated" && step.invert != true)
                    || (step.behavior == "Removed" && step.invert == true)
            else {
                throw .unsupportedStep(
                    file: file, step: "pre_tokenizer Split",
                    reason: "its behavior is \(step.behavior ?? "absent"), expected Isolated")
            }
            return .words(pattern)
        default:
            throw .unsupportedStep(
                file: file, step: "pre_tokenizer \(step.type)", reason: "known are Digits, Split and ByteLevel")
        }
    }

    /// Calls `body` with every word of `utf8` in order; `isStart` when the whole text begins here, and no added token.
    func forEachWord(in utf8: [UInt8], isStart: Bool, _ body: (ArraySlice<UInt8>) -> Void) {
        if let marking {
            let needsMark = marking == .always || marking == .first && isStart
            return body(Self.marked(utf8, first: needsMark)[...])
        }
        if cuts.isEmpty { return body(utf8[...]) }
        let text = ClassifiedText(utf8)
        forEachWord(in: text, 0..<text.count, after: 0, body)
    }

    private static func marked(_ utf8: [UInt8], first: Bool) -> [UInt8] {
        let text = utf8.flatMap { $0 == UInt8(ascii: " ") ? TokenSpelling.spaceMark : [$0] }
        return first && !text.starts(with: TokenSpelling.spaceMark) ? TokenSpelling.spaceMark + text : text
    }

    /// Each cut works on the pieces of the one before it.
    private func forEachWord(
        in text: ClassifiedText, _ range: Range<Int>, after done: Int, _ body: (ArraySlice<UInt8>) -> Void
    ) {
        guard done < cuts.count else {
            if !range.isEmpty { body(text.bytes(range)) }
            return
        }
        var start = range.lowerBound
        while start < range.upperBound {
            let end = end(of: cuts[done], in: text, from: start, below: range.upperBound)
            forEachWord(in: text, start..<end, after: done + 1, body)
            start = end
        }
    }

    private func end(of cut: Cut, in text: ClassifiedText, from start: Int, below end: Int) -> Int {
        switch cut {
        case .words(let pattern): return pattern.wordEnd(in: text, from: start, below: end)
        case .digits(let individually):
            let isNumber = text.isNumeric(start)
            if isNumber, individually { return start + 1 }
            var next = start + 1
            while next < end, text.isNumeric(next) == isNumber { next += 1 }
            return next
        }
    }
}

extension ClassifiedText {
    /// Unlike `\p{N}`, the Digits step of Hugging Face asks Rust, whose tables are those of Unicode 17.0, like Swift's.
    fileprivate func isNumeric(_ index: Int) -> Bool {
        if classes[index] != .other { return classes[index] == .number }
        let scalar = UTF8Sequence.scalar(in: utf8, at: offsets[index]).scalar
        return !scalar.isASCII && scalar.properties.numericType != nil && scalar.properties.generalCategory.isNumber
    }
}

extension Unicode.GeneralCategory {
    fileprivate var isNumber: Bool { self == .decimalNumber || self == .letterNumber || self == .otherNumber }
}
