/// Reads grammars in GBNF, the notation of llama.cpp and xgrammar: `root ::= "a" other* | [0-9]{2,4}`.
///
/// Rules are named with letters, digits, `-` and `_`; a rule ends where the next begins. There are literals and classes with
/// the escapes `\n \r \t \\ \" \[ \] \- \^ \xHH \uHHHH \UHHHHHHHH`, `.` for any character, groups, `| * + ? {m,n}`, and
/// comments from `#` to the end of the line. Rules may recurse, but not begin with themselves.
struct GrammarParser {
    private let text: [Unicode.Scalar]
    private var position = 0
    private var depth = 0
    private var numbers: [String: Int] = ["root": 0]
    private var names = ["root"]
    private var rules: [Int: Pattern] = [:]

    /// The rules, `root` first; numbers in patterns count from it.
    static func rules(of grammar: String) throws(ConstraintError) -> [Pattern] {
        guard grammar.utf8.count <= ConstraintLimits.grammarBytes else {
            throw .tooLarge(what: "bytes of a grammar", limit: ConstraintLimits.grammarBytes)
        }
        var parser = GrammarParser(text: Array(grammar.unicodeScalars))
        return try parser.wholeGrammar()
    }

    private init(text: [Unicode.Scalar]) { self.text = text }

    private mutating func wholeGrammar() throws(ConstraintError) -> [Pattern] {
        skipSpace()
        while position < text.count { try rule() }
        guard rules[0] != nil else { throw wrong("there is no rule `root ::= …`") }
        var all: [Pattern] = []
        for number in names.indices {
            guard let pattern = rules[number] else { throw wrong("the rule \(names[number].prefix(60)) is missing") }
            all.append(pattern)
        }
        return all
    }

    // MARK: Text

    private var next: Unicode.Scalar? { position < text.count ? text[position] : nil }

    private func wrong(_ reason: String) -> ConstraintError {
        .malformedGrammar(line: 1 + text[..<min(position, text.count)].count { $0 == "\n" }, reason: reason)
    }

    private mutating func skipSpace() {
        while let scalar = next {
            if scalar == "#" {
                while let scalar = next, scalar != "\n" && scalar != "\r" { position += 1 }
            } else if ScalarSet.spaces.contains(scalar) {
                position += 1
            } else {
                return
            }
        }
    }

    private mutating func take(_ word: String) -> Bool {
        guard text[position...].starts(with: word.unicodeScalars) else { return false }
        position += word.unicodeScalars.count
        return true
    }

    private static let nameScalars = ScalarSet.words.union(ScalarSet(of: "-"))

    private mutating func name() -> String? {
        let start = position
        while let scalar = next, Self.nameScalars.contains(scalar) { position += 1 }
        return position == start ? nil : String(String.UnicodeScalarView(text[start..<position]))
    }

    private mutating func number(of name: String) throws(ConstraintError) -> Int {
        if let known = numbers[name] { return known }
        guard names.count < ConstraintLimits.rules else {
            throw .tooLarge(what: "rules of a grammar", limit: ConstraintLimits.rules)
        }
        numbers[name] = names.count
        names.append(name)
        return names.count - 1
    }

    // MARK: Structure

    private mutating func rule() throws(ConstraintError) {
        guard let name = name() else { throw wrong("a rule's name is expected") }
        skipSpace()
        guard take("::=") else { throw wrong("::= is expected after \(name.prefix(60))") }
        let number = try number(of: name)
        let pattern = try alternatives()
        guard rules.updateValue(pattern, forKey: number) == nil else {
            throw wrong("the rule \(name.prefix(60)) is there twice")
        }
    }

    private mutating func alternatives() throws(ConstraintError) -> Pattern {
        var alternatives = [try sequence()]
        while take("|") { alternatives.append(try sequence()) }
        return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
    }

    private mutating func sequence() throws(ConstraintError) -> Pattern {
        var parts: [Pattern] = []
        skipSpace()
        while let scalar = next, scalar != "|", scalar != ")", !beginsRule() {
            parts.append(try quantified(try element()))
            skipSpace()
        }
        return .sequence(parts)
    }

    /// Whether a name and `::=` come next.
    private func beginsRule() -> Bool {
        var ahead = self
        guard ahead.name() != nil else { return false }
        ahead.skipSpace()
        return ahead.take("::=")
    }

    private mutating func element() throws(ConstraintError) -> Pattern {
        if take("\"") {
            var scalars = String.UnicodeScalarView()
            while !take("\"") { scalars.append(try character()) }
            return .literal(Array(String(scalars).utf8))
        }
        if take("[") { return .scalar(try characterClass()) }
        if take(".") { return .scalar(.all) }
        if take("(") {
            if next == "=" { throw wrong("lookahead assertions are not supported") }
            guard depth < ConstraintLimits.nesting else {
                throw .tooLarge(what: "groups within groups", limit: ConstraintLimits.nesting)
            }
            depth += 1
            let group = try alternatives()
            depth -= 1
            guard take(")") else { throw wrong("a group has no end") }
            return group
        }
        guard let name = name() else { throw wrong("a literal, a class, a group or a rule's name is expected") }
        return .rule(try number(of: name))
    }

    private mutating func quantified(_ element: Pattern) throws(ConstraintError) -> Pattern {
        if take("*") { return .any(of: element) }
        if take("+") { return .repeated(element, atLeast: 1, atMost: nil) }
        if take("?") { return .optional(element) }
        guard take("{") else { return element }
        let least = try count()
        var most = least
        skipSpace()
        if take(",") {
            skipSpace()
            most = try count()
        } else if least == nil {
            throw wrong("a repetition has no count")
        }
        skipSpace()
        guard take("}") else { throw wrong("a repetition has no end") }
        if let most, most < least ?? 0 { throw wrong("a repetition's maximum is less than its minimum") }
        return .repeated(element, atLeast: least ?? 0, atMost: most)
    }

    private mutating func count() throws(ConstraintError) -> Int? {
        var value: Int?
        skipSpace()
        while let scalar = next, ScalarSet.digits.contains(scalar) {
            value = (value ?? 0) * 10 + Int(scalar.value - 48)
            position += 1
            guard value ?? 0 <= ConstraintLimits.nodes else {
                throw .tooLarge(what: "repetitions of a part", limit: ConstraintLimits.nodes)
            }
        }
        return value
    }

    private mutating func characterClass() throws(ConstraintError) -> ScalarSet {
        let isInverted = take("^")
        var ranges: [ScalarSet.Range] = []
        while !take("]") {
            let first = try character()
            var last = first
            if next == "-", text.indices.contains(position + 1), text[position + 1] != "]" {
                position += 1
                last = try character()
            }
            guard first <= last else { throw wrong("a range must lead from a character to a greater one") }
            ranges.append(first.value...last.value)
        }
        let set = ScalarSet(ranges)
        return isInverted ? set.inverted : set
    }

    private mutating func character() throws(ConstraintError) -> Unicode.Scalar {
        guard let scalar = next else { throw wrong("a literal or a class has no end") }
        position += 1
        guard scalar == "\\" else { return scalar }
        guard let escaped = next else { throw wrong("a \\ at the end") }
        position += 1
        switch escaped {
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "x": return try hexadecimal(digits: 2)
        case "u": return try hexadecimal(digits: 4)
        case "U": return try hexadecimal(digits: 8)
        case "\\", "\"", "'", "[", "]", "-", "^", "/": return escaped
        default: throw wrong("the escape \\\(escaped) is not known")
        }
    }

    private mutating func hexadecimal(digits: Int) throws(ConstraintError) -> Unicode.Scalar {
        let end = position + digits
        guard end <= text.count,
            let value = UInt32(String(String.UnicodeScalarView(text[position..<end])), radix: 16),
            let scalar = Unicode.Scalar(value)
        else { throw wrong("the escape of a character is incomplete, or there is no such character") }
        position = end
        return scalar
    }
}
