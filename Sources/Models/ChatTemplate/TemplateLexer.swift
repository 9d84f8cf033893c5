/// One piece of a template's source.
struct TemplateToken {
    enum Kind: Equatable {
        case text([Unicode.Scalar])
        /// `{{`, `}}`, `{%`, `%}`
        case outputStart, outputEnd, blockStart, blockEnd
        case name(String)
        case string([Unicode.Scalar])
        case integer(Int)
        case number(Double)
        case symbol(String)
        case end
    }

    var kind: Kind
    var line: Int
}

/// Cuts a template into tokens with the whitespace rules of Hugging Face's environment: Jinja 3.1 with `trim_blocks`
/// and `lstrip_blocks`.
struct TemplateLexer {
    private let source: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    private var tokens: [TemplateToken] = []
    /// Brackets that are open: `}}` inside of them ends dictionaries, not the output.
    private var brackets: [Unicode.Scalar] = []

    static func tokens(of source: String) throws(TemplateError) -> [TemplateToken] {
        var lexer = TemplateLexer(source)
        try lexer.run()
        return lexer.tokens
    }

    private init(_ source: String) {
        var scalars: [Unicode.Scalar] = []
        var previous: Unicode.Scalar?
        for scalar in source.unicodeScalars {
            if scalar == "\n", previous == "\r" {
                previous = scalar
                continue
            }
            scalars.append(scalar == "\r" ? "\n" : scalar)
            previous = scalar
        }
        if scalars.last == "\n" { scalars.removeLast() }
        self.source = scalars
    }

    private func peek(_ offset: Int = 0) -> Unicode.Scalar? {
        position + offset < source.count ? source[position + offset] : nil
    }

    private func starts(with text: String) -> Bool {
        source[position...].starts(with: text.unicodeScalars)
    }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where position < source.count {
            if source[position] == "\n" { line += 1 }
            position += 1
        }
    }

    private mutating func add(_ kind: TemplateToken.Kind) { tokens.append(TemplateToken(kind: kind, line: line)) }

    private mutating func run() throws(TemplateError) {
        while position < source.count {
            let start = position
            let lineStart = position == 0 || source[position - 1] == "\n"
            while position < source.count, !(peek() == "{" && ["{", "%", "#"].contains(peek(1))) { advance() }
            let text = source[start..<position]
            guard position < source.count else {
                addText(text)
                break
            }
            addText(stripped(text, atLineStart: lineStart))
            try tag()
        }
        add(.end)
    }

    private mutating func addText(_ text: ArraySlice<Unicode.Scalar>) {
        if !text.isEmpty { add(.text(Array(text))) }
    }

    /// Text before a tag: `-` takes all whitespace off its end, `lstrip_blocks` the tag's indentation.
    private func stripped(_ text: ArraySlice<Unicode.Scalar>, atLineStart: Bool) -> ArraySlice<Unicode.Scalar> {
        let sign = peek(2)
        if sign == "-" {
            let last = text.lastIndex { !TemplateString.isSpace($0) }
            return last.map { text[...$0] } ?? text.prefix(0)
        }
        if sign == "+" || peek(1) == "{" { return text }
        let newline = text.lastIndex(of: "\n")
        guard newline != nil || atLineStart else { return text }
        let indentation = text[(newline.map { $0 + 1 } ?? text.startIndex)...]
        return indentation.allSatisfy(TemplateString.isSpace) ? text[..<indentation.startIndex] : text
    }

    private mutating func tag() throws(TemplateError) {
        let kind = peek(1)
        let opened = line
        advance(2)
        if peek() == "-" || (peek() == "+" && kind != "{") { advance() }
        if kind == "#" { return try comment(opened: opened) }
        add(kind == "{" ? .outputStart : .blockStart)
        brackets = []
        while true {
            while let scalar = peek(), TemplateString.isSpace(scalar) { advance() }
            guard peek() != nil else { throw .syntax(line: opened, reason: "a tag is not closed") }
            if try closes(kind == "{" ? "}}" : "%}", isBlock: kind == "%") { break }
            try token()
        }
    }

    private mutating func comment(opened: Int) throws(TemplateError) {
        while position < source.count {
            if starts(with: "#}") {
                let sign = source[position - 1]
                advance(2)
                return trimAfterTag(sign: sign, isBlock: true)
            }
            advance()
        }
        throw .syntax(line: opened, reason: "a comment is not closed")
    }

    /// Takes `-%}`, `+%}`, `%}` (or `-}}`, `}}`) and the whitespace that goes with it.
    private mutating func closes(_ delimiter: String, isBlock: Bool) throws(TemplateError) -> Bool {
        guard brackets.isEmpty else { return false }
        let sign: Unicode.Scalar = peek() == "-" || (peek() == "+" && isBlock) ? peek() ?? " " : " "
        let length = sign == " " ? 0 : 1
        guard source[min(position + length, source.count)...].starts(with: delimiter.unicodeScalars) else {
            return false
        }
        advance(length + 2)
        add(isBlock ? .blockEnd : .outputEnd)
        trimAfterTag(sign: sign, isBlock: isBlock)
        return true
    }

    private mutating func trimAfterTag(sign: Unicode.Scalar, isBlock: Bool) {
        if sign == "-" {
            while let scalar = peek(), TemplateString.isSpace(scalar) { advance() }
        } else if isBlock, sign != "+", peek() == "\n" {
            advance()
        }
    }

    private mutating func token() throws(TemplateError) {
        guard let scalar = peek() else { return }
        if scalar == "'" || scalar == "\"" { return try string(quote: scalar) }
        if ("0"..."9").contains(scalar) { return try number() }
        if scalar == "_" || scalar.properties.isXIDStart {
            let start = position
            while let next = peek(), next == "_" || next.properties.isXIDContinue { advance() }
            return add(.name(text(source[start..<position])))
        }
        for symbol in ["**", "//", "==", "!=", "<=", ">="] where starts(with: symbol) {
            advance(2)
            return add(.symbol(symbol))
        }
        guard "+-*/%~<>=.,:|()[]{};".unicodeScalars.contains(scalar) else {
            throw .syntax(line: line, reason: "the character \(String(scalar).debugDescription) has no meaning here")
        }
        try match(scalar)
        advance()
        add(.symbol(String(scalar)))
    }

    private mutating func match(_ scalar: Unicode.Scalar) throws(TemplateError) {
        let closing: [Unicode.Scalar: Unicode.Scalar] = ["(": ")", "[": "]", "{": "}"]
        if let expected = closing[scalar] {
            brackets.append(expected)
        } else if [")", "]", "}"].contains(scalar) {
            guard brackets.popLast() == scalar else {
                throw .syntax(line: line, reason: "an unexpected \(scalar)")
            }
        }
    }

    private mutating func number() throws(TemplateError) {
        let start = position
        func digits() -> Bool { peek().map { ("0"..."9").contains($0) || $0 == "_" } ?? false }
        while digits() { advance() }
        var isWhole = true
        if peek() == ".", let next = peek(1), ("0"..."9").contains(next) {
            isWhole = false
            advance()
            while digits() { advance() }
        }
        let sign = peek(1) == "-" || peek(1) == "+" ? 1 : 0
        if peek() == "e" || peek() == "E", let digit = peek(1 + sign), ("0"..."9").contains(digit) {
            isWhole = false
            advance(1 + sign)
            while digits() { advance() }
        }
        let literal = text(source[start..<position].filter { $0 != "_" })
        if isWhole, let value = Int(literal) { return add(.integer(value)) }
        guard !isWhole, let value = Double(literal) else {
            throw .syntax(line: line, reason: "the number \(literal.prefix(40)) is too large")
        }
        add(.number(value))
    }

    private mutating func string(quote: Unicode.Scalar) throws(TemplateError) {
        let opened = line
        advance()
        var result: [Unicode.Scalar] = []
        while let scalar = peek(), scalar != quote {
            advance()
            if scalar == "\\" { result += try escape(opened: opened) } else { result.append(scalar) }
        }
        guard peek() == quote else { throw .syntax(line: opened, reason: "a string is not closed") }
        advance()
        add(.string(result))
    }

    /// Python's escapes; an unknown one stands for itself, backslash and all.
    private mutating func escape(opened: Int) throws(TemplateError) -> [Unicode.Scalar] {
        guard let scalar = peek() else { throw .syntax(line: opened, reason: "a string is not closed") }
        advance()
        let simple: [Unicode.Scalar: Unicode.Scalar] = [
            "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"", "a": "\u{07}", "b": "\u{08}",
            "f": "\u{0C}", "v": "\u{0B}", "0": "\0",
        ]
        if let value = simple[scalar] { return [value] }
        if scalar == "\n" { return [] }
        guard let length = ["x": 2, "u": 4, "U": 8][scalar] else { return ["\\", scalar] }
        let digits = text(source[position..<min(position + length, source.count)])
        guard digits.unicodeScalars.count == length, let value = UInt32(digits, radix: 16),
            let result = Unicode.Scalar(value)
        else { throw .syntax(line: line, reason: "\\\(scalar)\(digits) is no character") }
        advance(length)
        return [result]
    }

    private func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
}
