import Models

/// A schema that must hold, together with others, of one value; schemas `true` and `false` do not get here.
struct SchemaPart {
    let members: JSONObject
    /// A JSON pointer: "#/properties/a".
    let path: String

    subscript(_ keyword: String) -> JSONValue? { members[keyword] }

    func at(_ step: String) -> String { "\(path)/\(Self.escaped(step))" }

    /// RFC 6901.
    private static func escaped(_ step: String) -> String {
        step.replacing("~", with: "~0").replacing("/", with: "~1")
    }

    func wrong(_ keyword: String, _ reason: String) -> ConstraintError {
        .malformedSchema(path: at(keyword), reason: reason)
    }

    // MARK: Keywords with their types

    func integer(_ keyword: String) throws(ConstraintError) -> Int? {
        switch self[keyword] {
        case nil: return nil
        case .integer(let value) where value >= 0: return value
        case .number(let value) where value >= 0 && value < 1e15 && value.rounded() == value: return Int(value)
        default: throw wrong(keyword, "it must be a whole number that is not negative")
        }
    }

    func number(_ keyword: String) throws(ConstraintError) -> Double? {
        switch self[keyword] {
        case nil: return nil
        case .integer(let value): return Double(value)
        case .number(let value): return value
        default: throw wrong(keyword, "it must be a number")
        }
    }

    func string(_ keyword: String) throws(ConstraintError) -> String? {
        guard let value = self[keyword] else { return nil }
        guard case .string(let text) = value else { throw wrong(keyword, "it must be a string") }
        return text
    }

    func object(_ keyword: String) throws(ConstraintError) -> JSONObject? {
        guard let value = self[keyword] else { return nil }
        guard case .object(let members) = value else { throw wrong(keyword, "it must be an object") }
        return members
    }

    func array(_ keyword: String) throws(ConstraintError) -> [JSONValue]? {
        guard let value = self[keyword] else { return nil }
        guard case .array(let values) = value else { throw wrong(keyword, "it must be an array") }
        return values
    }

    func strings(_ keyword: String) throws(ConstraintError) -> [String] {
        var strings: [String] = []
        for value in try array(keyword) ?? [] {
            guard case .string(let text) = value else { throw wrong(keyword, "it must be an array of strings") }
            strings.append(text)
        }
        return strings
    }
}

/// The types of JSON Schema; an integer is a number too.
enum SchemaType: String, CaseIterable {
    case object, array, string, number, integer, boolean, null

    /// The type of a value, an integer where a number is whole.
    init(of value: JSONValue) {
        switch value {
        case .null: self = .null
        case .boolean: self = .boolean
        case .integer: self = .integer
        case .number(let value): self = value.rounded() == value ? .integer : .number
        case .string: self = .string
        case .array: self = .array
        case .object: self = .object
        }
    }
}
