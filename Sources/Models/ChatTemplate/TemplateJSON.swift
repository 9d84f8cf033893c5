/// The `tojson` filter of Hugging Face: Python's `json.dumps` with characters outside ASCII kept.
extension TemplateEvaluator {
    mutating func json(_ value: TemplateValue, _ arguments: TemplateCallArguments) throws(TemplateError)
        -> TemplateString
    {
        for argument in arguments.named where !["indent", "ensure_ascii"].contains(argument.name) {
            throw .unsupported(line: line, feature: "the argument \(argument.name) of tojson")
        }
        if let ascii = arguments.named.first(where: { $0.name == "ensure_ascii" })?.value, ascii.isTrue {
            throw .unsupported(line: line, feature: "tojson with ensure_ascii")
        }
        let indent =
            arguments.named.first { $0.name == "indent" }?.value.asInteger ?? arguments.positional.first?.asInteger
        if let indent, indent > 16 { throw .unsupported(line: line, feature: "an indent of \(indent) in tojson") }
        var writer = JSONWriter(indent: indent.map { max($0, 0) })
        try write(value, to: &writer)
        return writer.text
    }

    private mutating func write(_ value: TemplateValue, to writer: inout JSONWriter) throws(TemplateError) {
        let before = writer.text.characters.count
        guard before <= limits.length else { return try charge(.max) }
        switch value {
        case .none: writer.add("null")
        case .boolean(let flag): writer.add(flag ? "true" : "false")
        case .integer, .number: writer.text.characters += try string(of: value).characters
        case .string(let text): writer.add(quoted: text)
        case .list(let list):
            try write(list.items.map { (nil, $0) }, "[", "]", to: &writer)
        case .dictionary(let dictionary):
            try write(dictionary.entries.map { ($0.key, $0.value) }, "{", "}", to: &writer)
        case .undefined, .reference: throw .evaluation(line: line, reason: "\(value.kind) has no JSON form")
        }
        try charge(writer.text.characters.count - before)
    }

    private mutating func write(
        _ entries: [(TemplateString?, TemplateValue)], _ open: String, _ close: String, to writer: inout JSONWriter
    ) throws(TemplateError) {
        writer.add(open)
        writer.level += 1
        for (index, entry) in entries.enumerated() {
            if index > 0 { writer.add(writer.indent == nil ? ", " : ",") }
            writer.newLine()
            if let key = entry.0 {
                writer.add(quoted: key)
                writer.add(": ")
            }
            try write(entry.1, to: &writer)
        }
        writer.level -= 1
        if !entries.isEmpty { writer.newLine() }
        writer.add(close)
    }
}

private struct JSONWriter {
    var text = TemplateString()
    let indent: Int?
    var level = 0

    init(indent: Int?) { self.indent = indent }

    mutating func add(_ syntax: String) { text.characters += TemplateString(trusted: syntax).characters }

    mutating func newLine() {
        guard let indent else { return }
        add("\n" + String(repeating: " ", count: indent * level))
    }

    /// Escapes are as trusted as the characters that they stand for.
    mutating func add(quoted string: TemplateString) {
        add("\"")
        for character in string.characters {
            guard let escape = Self.escape(character.scalar) else {
                text.characters.append(character)
                continue
            }
            text.characters += escape.unicodeScalars.map(character.becoming)
        }
        add("\"")
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String? {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        case "\u{08}": return "\\b"
        case "\u{0C}": return "\\f"
        case ..<" ":
            let digits = String(scalar.value, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: return nil
        }
    }
}
