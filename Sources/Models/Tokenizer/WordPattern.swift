/// The word patterns of byte-level models, each a scanner by hand: 30 to 50 times as fast as `Regex` here.
///
/// A pattern is known by its exact text in `tokenizer.json`. `P` below stands for `[^\s\p{L}\p{N}]`. An alternation
/// takes the first alternative that matches, so each scanner asks in the pattern's order.
enum WordPattern: Sendable, Equatable {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?P+|\s+(?!\S)|\s+`: GPT-2, SmolLM2.
    case gpt2
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?P+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`:
    /// Llama 3; Qwen2 is the same with single digits.
    case llama3(digitsPerWord: Int)

    private static let contractions = "'s|'t|'re|'ve|'m|'ll|'d"

    private static let known = [gpt2, llama3(digitsPerWord: 3), llama3(digitsPerWord: 1)]

    init?(regex: String) {
        guard let pattern = Self.known.first(where: { $0.regex == regex }) else { return nil }
        self = pattern
    }

    /// As tokenizer.json writes it.
    var regex: String {
        switch self {
        case .gpt2: return #"\#(Self.contractions)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
        case .llama3(let digits):
            let numbers = digits == 1 ? #"\p{N}"# : #"\p{N}{1,\#(digits)}"#
            return #"(?i:\#(Self.contractions))|[^\r\n\p{L}\p{N}]?\p{L}+|\#(numbers)| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
                + #"\s*[\r\n]+|\s+(?!\S)|\s+"#
        }
    }

    /// The end of the word that starts at `start`; words cover the text without gaps.
    func wordEnd(in text: ClassifiedText, from start: Int, below end: Int) -> Int {
        switch self {
        case .gpt2: gpt2End(text, start, end)
        case .llama3(let digits): llama3End(text, start, end, digits: digits)
        }
    }

    private func gpt2End(_ text: ClassifiedText, _ start: Int, _ end: Int) -> Int {
        if let contraction = contractionEnd(text, start, end, ignoringCase: false) { return contraction }
        var first = start
        if text.byte(start) == UInt8(ascii: " "), start + 1 < end { first += 1 }
        let kind = text.classes[first]
        if kind != .space, kind != .newline { return text.end(of: kind, from: first, below: end) }
        return spaceRunEnd(text, start, end)
    }

    private func llama3End(_ text: ClassifiedText, _ start: Int, _ end: Int, digits: Int) -> Int {
        if let contraction = contractionEnd(text, start, end, ignoringCase: true) { return contraction }
        let kind = text.classes[start]
        if kind == .letter { return text.end(of: .letter, from: start, below: end) }
        if kind == .number { return text.end(of: .number, from: start, below: min(end, start + digits)) }
        if kind != .newline, start + 1 < end, text.classes[start + 1] == .letter {
            return text.end(of: .letter, from: start + 1, below: end)
        }
        let first = text.byte(start) == UInt8(ascii: " ") ? start + 1 : start
        if first < end, text.classes[first] == .other {
            let marks = text.end(of: .other, from: first, below: end)
            return text.end(of: .newline, from: marks, below: end)
        }
        let run = text.endOfSpace(from: start, below: end)
        if let newline = text.classes[start..<run].lastIndex(of: .newline) { return newline + 1 }
        return spaceRunEnd(text, start, end)
    }

    /// `\s+(?!\S)|\s+`: a run leaves its last character to the word that follows it.
    private func spaceRunEnd(_ text: ClassifiedText, _ start: Int, _ end: Int) -> Int {
        let run = text.endOfSpace(from: start, below: end)
        return run < end && run - start > 1 ? run - 1 : run
    }

    private func contractionEnd(_ text: ClassifiedText, _ start: Int, _ end: Int, ignoringCase: Bool) -> Int? {
        guard text.byte(start) == UInt8(ascii: "'"), start + 1 < end else { return nil }
        func letter(_ index: Int) -> UInt8 {
            guard index < end else { return 0 }
            // U+017F, the long s, folds to s.
            if ignoringCase, text.bytes(index..<index + 1).elementsEqual([0xC5, 0xBF]) { return UInt8(ascii: "s") }
            let byte = text.byte(index)
            return ignoringCase && (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
        }
        switch (letter(start + 1), letter(start + 2)) {
        case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _):
            return start + 2
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return start + 3
        default: return nil
        }
    }
}
