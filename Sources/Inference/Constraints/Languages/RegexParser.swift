/// Reads regular expressions, as much of them as an automaton can follow.
///
/// Understood are literals, `.` (no line ends), classes `[a-z]`, `[^…]`, `\d \w \s \D \W \S` (ASCII, as in ECMA-262),
/// `\p{L}` and other general categories, escapes `\n \r \t \f \v \0 \xHH \uHHHH \u{…}` and of punctuation, groups (with
/// names too), `|`, `* + ? {m} {m,} {,n} {m,n}` and their lazy forms, which mean the same texts. `^` and `$` may stand at the
/// ends of the whole or of its alternatives. Whatever else there is in the dialects is refused by its name.
struct RegexParser {
    /// One of the alternatives that `|` separates outside of groups.
    struct Alternative {
        let pattern: Pattern
        let hasStart: Bool
        let hasEnd: Bool
    }

    private let text: [Unicode.Scalar]
    private let encoding: Encoding
    private var position = 0
    private var depth = 0

    /// How the scalars that match are written.
    enum Encoding {
        case plain
        /// Inside a JSON string: escaped where they must be.
        case json
    }

    private init(_ text: String, _ encoding: Encoding) {
        self.text = Array(text.unicodeScalars)
        self.encoding = encoding
    }

    /// What the whole text must be.
    static func wholeText(_ regex: String, _ encoding: Encoding = .plain) throws(ConstraintError) -> Pattern {
        .choice(try alternatives(regex, encoding).map(\.pattern))
    }

    static func alternatives(_ regex: String, _ encoding: Encoding) throws(ConstraintError) -> [Alternative] {
        guard regex.utf8.count <= ConstraintLimits.regexBytes else {
            throw .tooLarge(what: "bytes of a regular expression", limit: ConstraintLimits.regexBytes)
        }
        var parser = RegexParser(regex, encoding)
        var alternatives = [try parser.alternative()]
        while parser.take("|") { alternatives.append(try parser.alternative()) }
        guard parser.position == parser.text.count else { throw parser.wrong("a ) that closes nothing") }
        return alternatives
    }

    // MARK: Text

    private var next: Unicode.Scalar? { position < text.count ? text[position] : nil }

    private func wrong(_ reason: String) -> ConstraintError { .malformedRegex(position: position, reason: reason) }

    private func unsupported(_ feature: String, at position: Int? = nil) -> ConstraintError {
        .unsupportedRegex(feature: feature, position: position ?? self.position)
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        position += 1
        return true
    }

    private mutating func take(_ word: String) -> Bool {
        guard text[position...].starts(with: word.unicodeScalars) else { return false }
        position += word.unicodeScalars.count
        return true
    }

    // MARK: Structure

    private mutating func alternative() throws(ConstraintError) -> Alternative {
        let hasStart = take("^")
        let pattern = try sequence()
        let hasEnd = take("$")
        guard next == nil || next == "|" || next == ")" else {
            throw unsupported("an anchor that is not at an end", at: position - 1)
        }
        return Alternative(pattern: pattern, hasStart: hasStart, hasEnd: hasEnd)
    }

    private mutating func sequence() throws(ConstraintError) -> Pattern {
        var parts: [Pattern] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            if scalar == "$" && depth == 0 { break }
            parts.append(try quantified(try atom()))
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func atom() throws(ConstraintError) -> Pattern {
        guard let scalar = next else { return .empty }
        switch scalar {
        case "(": return try group()
        case "[": return encoded(try characterClass())
        case "^", "$": throw unsupported("an anchor that is not at an end")
        case "*", "+", "?": throw wrong("there is nothing to repeat")
        case "\\": return encoded(try escape(inClass: false))
        case ".":
            position += 1
            return encoded(ScalarSet.lineEnds.inverted)
        default:
            position += 1
            return encoded(ScalarSet(scalar))
        }
    }

    private mutating func group() throws(ConstraintError) -> Pattern {
        let start = position
        position += 1
        if take("?") {
            if take("P<") || (next == "<" && !["=", "!"].contains(text.dropFirst(position + 1).first)) {
                _ = take("<")
                while let scalar = next, scalar != ">" {
                    guard ScalarSet.words.contains(scalar) else { throw wrong("a group's name has letters only") }
                    position += 1
                }
                guard take(">") else { throw wrong("a group's name has no end") }
            } else if !take(":") {
                let isLookAround = next == "=" || next == "!" || next == "<"
                let feature =
                    isLookAround ? "look-around" : next == ">" ? "an atomic group" : "flags or another extension"
                throw unsupported(feature, at: start)
            }
        }
        guard depth < ConstraintLimits.nesting else {
            throw .tooLarge(what: "groups within groups", limit: ConstraintLimits.nesting)
        }
        depth += 1
        var alternatives = [try sequence()]
        while take("|") { alternatives.append(try sequence()) }
        depth -= 1
        guard take(")") else {
            position = start
            throw wrong("a group has no end")
        }
        return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
    }

    private mutating func quantified(_ atom: Pattern) throws(ConstraintError) -> Pattern {
        var atom = atom
        while let (least, most) = try quantifier() {
            if let most, most < least { throw wrong("a repetition's maximum is less than its minimum") }
            if take("+") { throw unsupported("a possessive quantifier", at: position - 1) }
            _ = take("?")
            atom = .repeated(atom, atLeast: least, atMost: most)
            guard next != "*" && next != "+" && next != "?" else { throw wrong("there is nothing to repeat") }
        }
        return atom
    }

    private mutating func quantifier() throws(ConstraintError) -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        guard next == "{" else { return nil }
        let start = position
        position += 1
        let least = try number()
        let most = take(",") ? try number() : least
        let isOpen = position > start + 1 && text[position - 1] == ","
        guard take("}"), least != nil || most != nil else {
            // As in all dialects: what is no quantifier is text.
            position = start
            return nil
        }
        return (least ?? 0, isOpen ? nil : most)
    }

    private mutating func number() throws(ConstraintError) -> Int? {
        var value: Int?
        while let digit = next.flatMap({ Character($0).wholeNumberValue }), next?.isASCII == true {
            value = (value ?? 0) * 10 + digit
            position += 1
            guard value ?? 0 <= ConstraintLimits.nodes else {
                throw .tooLarge(what: "repetitions of a part", limit: ConstraintLimits.nodes)
            }
        }
        return value
    }

    private func encoded(_ set: ScalarSet) -> Pattern {
        encoding == .json ? JSONPatterns.character(of: set) : .scalar(set)
    }

    // MARK: Classes and escapes

    private mutating func characterClass() throws(ConstraintError) -> ScalarSet {
        let start = position
        position += 1
        let isInverted = take("^")
        var ranges: [ScalarSet.Range] = []
        var isFirst = true
        while next != "]" || isFirst {
            guard next != nil else {
                position = start
                throw wrong("a class has no end")
            }
            if next == "]" { throw wrong("an empty class") }
            if take("[:") { throw unsupported("a POSIX class", at: position - 2) }
            let first = try member()
            isFirst = false
            guard next == "-", text.indices.contains(position + 1), text[position + 1] != "]" else {
                ranges += first.ranges
                continue
            }
            position += 1
            let last = try member()
            guard let low = first.single, let high = last.single, low <= high else {
                throw wrong("a range must lead from a character to a greater one")
            }
            ranges.append(low...high)
        }
        position += 1
        let set = ScalarSet(ranges)
        return isInverted ? set.inverted : set
    }

    private mutating func member() throws(ConstraintError) -> ScalarSet {
        guard let scalar = next else { throw wrong("a class has no end") }
        if scalar == "\\" { return try escape(inClass: true) }
        position += 1
        return ScalarSet(scalar)
    }

    private mutating func escape(inClass: Bool) throws(ConstraintError) -> ScalarSet {
        let start = position
        position += 1
        guard let scalar = next else { throw wrong("a \\ at the end") }
        position += 1
        switch scalar {
        case "d": return .digits
        case "D": return ScalarSet.digits.inverted
        case "w": return .words
        case "W": return ScalarSet.words.inverted
        case "s": return .spaces
        case "S": return ScalarSet.spaces.inverted
        case "n": return ScalarSet("\n")
        case "r": return ScalarSet("\r")
        case "t": return ScalarSet("\t")
        case "f": return ScalarSet("\u{C}")
        case "v": return ScalarSet("\u{B}")
        case "b" where inClass: return ScalarSet("\u{8}")
        case "0": return ScalarSet("\0")
        case "x": return try hexadecimal(digits: 2)
        case "u": return try take("{") ? hexadecimal(digits: nil) : hexadecimal(digits: 4)
        case "p", "P": return try property(isInverted: scalar == "P")
        case "b", "B": throw unsupported("a word boundary", at: start)
        case "1"..."9", "k": throw unsupported("a back-reference", at: start)
        case "A", "Z", "z", "G": throw unsupported("the anchor \\\(scalar)", at: start)
        default:
            guard !scalar.isASCII || !ScalarSet.words.contains(scalar) else {
                throw unsupported("the escape \\\(scalar)", at: start)
            }
            return ScalarSet(scalar)
        }
    }

    /// `digits`: how many; nil for as many as there are up to a `}`.
    private mutating func hexadecimal(digits: Int?) throws(ConstraintError) -> ScalarSet {
        var value: UInt32 = 0
        var count = 0
        while count < digits ?? 6, let digit = next.flatMap({ Character($0).hexDigitValue }) {
            value = value << 4 | UInt32(digit)
            count += 1
            position += 1
        }
        guard digits.map({ $0 == count }) ?? (count > 0 && take("}")), let scalar = Unicode.Scalar(value) else {
            throw wrong("the escape of a character is incomplete, or there is no such character")
        }
        return ScalarSet(scalar)
    }

    private mutating func property(isInverted: Bool) throws(ConstraintError) -> ScalarSet {
        let start = position - 2
        guard take("{"), let end = text[position...].firstIndex(of: "}") else { throw wrong("\\p without {…}") }
        let name = String(String.UnicodeScalarView(text[position..<end].prefix(40)))
        position = end + 1
        guard let set = ScalarSet.property(name) else { throw unsupported("the property \(name)", at: start) }
        return isInverted ? set.inverted : set
    }
}

extension ScalarSet {
    func contains(_ scalar: Unicode.Scalar) -> Bool { ranges.contains { $0.contains(scalar.value) } }

    /// The only scalar, if there is one alone.
    fileprivate var single: UInt32? {
        ranges.count == 1 && ranges[0].count == 1 ? ranges[0].lowerBound : nil
    }
}
