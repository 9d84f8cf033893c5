/// A JSON value of a checkpoint's file, or of what a client sent.
public enum JSONValue: Sendable, Hashable {
    case null
    case boolean(Bool)
    /// A number without fraction or exponent that fits; safetensors offsets must be exact.
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// Reads the whole of `text` strictly (`JSONParser`); errors are `ModelError.malformedJSON` and call it `name`.
    public static func parse(
        _ text: UnsafeRawBufferPointer, name: String, mostValues: Int
    ) throws -> JSONValue {
        try JSONParser.parse(text, file: name, mostValues: mostValues)
    }

    /// As `parse` of bytes, for short texts.
    public static func parse(_ text: String, name: String) throws -> JSONValue {
        var text = text
        return try text.withUTF8 {
            try parse(UnsafeRawBufferPointer($0), name: name, mostValues: JSONParser.mostValues)
        }
    }

    /// How error messages show the value: short, whatever its size.
    var summary: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value): "\"\(value.prefix(60))\""
        case .array(let values): "an array of \(values.count)"
        case .object(let members): "an object of \(members.count) keys"
        }
    }
}
