/// A strict JSON reader (RFC 8259) for files from strangers.
///
/// Stricter than the usual ones where checkpoints can be made to lie: a key that appears twice is an error, because two
/// readers of a safetensors header could otherwise disagree about the tensor it names; nesting is limited, because the
/// parser recurses; so is the count of values, because one takes more memory than the two bytes of its text; numbers
/// must be finite.
struct JSONParser {
    /// Deeper than any configuration seen (6), far shallower than the stack.
    static let deepestNesting = 64

    /// Ten times what the header of a checkpoint of 50,000 tensors holds.
    static let mostValues = 4_000_000

    /// The value of a whole text; `file` is named in errors. Only white space may follow the value.
    static func parse(
        _ text: UnsafeRawBufferPointer, file: String, mostValues: Int = mostValues
    ) throws -> JSONValue {
        var parser = JSONParser(text: text, file: file, valuesLeft: mostValues)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.offset == text.count else { throw parser.failure("something follows the value") }
        return value
    }

    /// The members of the object that lies under the keys `path`, in order, each key as it is spelt; none where it is absent.
    ///
    /// A dictionary takes strings for one that differ in composition only (é), of which a vocabulary may hold both.
    static func members(
        under path: [String], of text: UnsafeRawBufferPointer, file: String
    ) throws -> [(key: String, value: JSONValue)] {
        var parser = JSONParser(text: text, file: file, valuesLeft: mostValues)
        return try parser.members(under: path[...])
    }

    /// The members of the object that is the whole text, each with the text of its value as it stands there.
    static func memberTexts(
        of text: UnsafeRawBufferPointer, file: String
    ) throws -> [String: (value: JSONValue, text: String)] {
        var parser = JSONParser(text: text, file: file, valuesLeft: mostValues)
        var members: [String: (value: JSONValue, text: String)] = [:]
        parser.skipSpace()
        try parser.eachMember { parser, key in
            parser.skipSpace()
            let start = parser.offset
            let value = try parser.value(depth: 1)
            let text = String(decoding: text[start..<parser.offset], as: UTF8.self)
            guard members.updateValue((value, text), forKey: key) == nil else {
                throw parser.failure("the key \"\(key.prefix(100))\" appears twice")
            }
        }
        return members
    }

    private let text: UnsafeRawBufferPointer
    private let file: String
    private var offset = 0
    private var valuesLeft: Int

    private init(text: UnsafeRawBufferPointer, file: String, valuesLeft: Int) {
        self.text = text
        self.file = file
        self.valuesLeft = valuesLeft
    }

    private var byte: UInt8? { offset < text.count ? text[offset] : nil }

    private func failure(_ reason: String) -> ModelError {
        .malformedJSON(file: file, offset: offset, reason: reason)
    }

    private mutating func skipSpace() {
        while let byte, byte == 0x20 || (0x09...0x0D).contains(byte) && byte != 0x0B && byte != 0x0C { offset += 1 }
    }

    private mutating func value(depth: Int) throws -> JSONValue {
        guard depth < Self.deepestNesting else { throw failure("nested more than \(Self.deepestNesting) deep") }
        guard valuesLeft > 0 else { throw failure("too many values") }
        valuesLeft -= 1
        skipSpace()
        switch byte {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw failure("the text ends where a value should be")
        default: return try number()
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws -> JSONValue {
        guard text[offset...].starts(with: word.utf8) else { throw failure("no value begins like this") }
        offset += word.utf8.count
        return value
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
        guard byte == UInt8(ascii: character) else { throw failure("'\(character)' expected") }
        offset += 1
    }

    private mutating func object(depth: Int) throws -> JSONObject {
        var members = JSONObject()
        try eachMember { parser, key in
            let value = try parser.value(depth: depth + 1)
            guard members.updateValue(value, forKey: key) == nil else {
                throw parser.failure("the key \"\(key.prefix(100))\" appears twice")
            }
        }
        return members
    }

    /// Calls `body` where the value of each key begins, which it must read.
    private mutating func eachMember(_ body: (inout JSONParser, String) throws -> Void) throws {
        try expect("{")
        skipSpace()
        if byte == UInt8(ascii: "}") {
            offset += 1
            return
        }
        while true {
            skipSpace()
            let key = try string()
            skipSpace()
            try expect(":")
            try body(&self, key)
            skipSpace()
            if byte == UInt8(ascii: "}") { break }
            try expect(",")
        }
        offset += 1
    }

    private mutating func members(under path: ArraySlice<String>) throws -> [(key: String, value: JSONValue)] {
        var found: [(key: String, value: JSONValue)] = []
        skipSpace()
        try eachMember { parser, key in
            if key == path.first {
                found = try parser.members(under: path.dropFirst())
            } else {
                let value = try parser.value(depth: 1)
                if path.isEmpty { found.append((key, value)) }
            }
        }
        return found
    }

    private mutating func array(depth: Int) throws -> [JSONValue] {
        try expect("[")
        var values: [JSONValue] = []
        skipSpace()
        if byte == UInt8(ascii: "]") {
            offset += 1
            return values
        }
        while true {
            values.append(try value(depth: depth + 1))
            skipSpace()
            if byte == UInt8(ascii: "]") { break }
            try expect(",")
        }
        offset += 1
        return values
    }

    private mutating func number() throws -> JSONValue {
        let start = offset
        if byte == UInt8(ascii: "-") { offset += 1 }
        let integerStart = offset
        let integerDigits = skipDigits()
        guard integerDigits > 0 || offset > start else { throw failure("no value begins like this") }
        guard integerDigits == 1 || integerDigits > 1 && text[integerStart] != UInt8(ascii: "0") else {
            throw failure("a number without digits or with a leading zero")
        }
        var isInteger = true
        if byte == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            guard skipDigits() > 0 else { throw failure("a fraction without digits") }
        }
        if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            isInteger = false
            offset += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { offset += 1 }
            guard skipDigits() > 0 else { throw failure("an exponent without digits") }
        }
        let digits = String(decoding: text[start..<offset], as: UTF8.self)
        if isInteger, let value = Int(digits) { return .integer(value) }
        guard let value = Double(digits), value.isFinite else { throw failure("the number \(digits) is too large") }
        return .number(value)
    }

    private mutating func skipDigits() -> Int {
        let start = offset
        while let byte, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
        return offset - start
    }

    private mutating func string() throws -> String {
        try expect("\"")
        var bytes: [UInt8] = []
        while true {
            let start = offset
            skipPlainCharacters()
            let run = UnsafeRawBufferPointer(rebasing: text[start..<offset])
            guard let byte else { throw failure("the text ends inside a string") }
            guard byte >= 0x20 else { throw failure("a control character inside a string") }
            offset += 1
            if byte == UInt8(ascii: "\"") {
                // Most strings have no escapes; an image's data URL would be copied once more for nothing.
                return try bytes.isEmpty ? string(of: run) : string(of: bytes + run)
            }
            bytes += run
            bytes += String(try escapedCharacter()).utf8
        }
    }

    private mutating func skipPlainCharacters() {
        while let byte, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { offset += 1 }
    }

    private func string(of bytes: some Collection<UInt8>) throws -> String {
        guard let string = String(validating: bytes, as: UTF8.self) else {
            throw failure("a string is not valid UTF-8")
        }
        return string
    }

    private mutating func escapedCharacter() throws -> Unicode.Scalar {
        guard let byte else { throw failure("the text ends inside a string") }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try escapedScalar()
        default: throw failure("an unknown escape")
        }
    }

    /// The scalar after `\u`; a high surrogate must be followed by an escaped low one.
    private mutating func escapedScalar() throws -> Unicode.Scalar {
        let first = try hexadecimalUnit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xD800..<0xDC00).contains(first), byte == UInt8(ascii: "\\") else { throw failure("a lone surrogate") }
        offset += 1
        try expect("u")
        let second = try hexadecimalUnit()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw failure("a lone surrogate") }
        return scalar
    }

    private mutating func hexadecimalUnit() throws -> UInt32 {
        guard offset + 4 <= text.count,
            text[offset..<offset + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let unit = UInt32(String(decoding: text[offset..<offset + 4], as: UTF8.self), radix: 16)
        else { throw failure("\\u without four hexadecimal digits") }
        offset += 4
        return unit
    }
}
