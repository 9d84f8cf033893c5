import Models

/// Random JSON schemas of the kinds that the JSON Schema Test Suite asks after, as far as they are supported.
struct SchemaGenerator<Random: RandomNumberGenerator> {
    private var random: Random

    init(_ random: Random) { self.random = random }

    static var patterns: [String] {
        [
            "^[a-z]+$", "^a*$", "a+", "^(foo|bar)[0-9]{2,3}$", "^\\d{3}-\\w{2}$", "[A-Z]", "^x|y$", "^[^abc]{1,4}$",
            "^\\s?\"\\\\$",
        ]
    }

    static var formats: [String] {
        ["date", "time", "date-time", "email", "ipv4", "ipv6", "uuid", "hostname", "uri", "duration"]
    }

    mutating func document() -> JSONValue {
        let definitions: JSONObject = [
            "leaf": schema(depth: 0), "pair": object(depth: 0),
            "node": .object([
                "type": .string("object"),
                "properties": .object([
                    "value": schema(depth: 0),
                    "children": .object([
                        "type": .string("array"), "items": .object(["$ref": .string("#/$defs/node")]),
                        "maxItems": .integer(3),
                    ]),
                ]), "required": .array([.string("value")]), "additionalProperties": .boolean(false),
            ]),
        ]
        guard case .object(let members) = schema(depth: 3) else { return .object(["$defs": .object(definitions)]) }
        return .object(JSONObject(members.dictionary.merging(["$defs": .object(definitions)]) { $1 }))
    }

    private mutating func pick<Element>(_ values: [Element]) -> Element {
        values[Int.random(in: 0..<values.count, using: &random)]
    }
    private mutating func one(in count: Int) -> Bool { Int.random(in: 0..<count, using: &random) == 0 }
    private mutating func number(_ range: ClosedRange<Int>) -> JSONValue {
        .integer(.random(in: range, using: &random))
    }

    mutating func schema(depth: Int) -> JSONValue {
        let kinds = depth == 0 ? 8 : 15
        switch Int.random(in: 0..<kinds, using: &random) {
        case 0: return string()
        case 1: return integer()
        case 2: return decimal()
        case 3: return .object(["type": .string("boolean")])
        case 4: return .object(["type": .string("null"), "title": .string("nothing")])
        case 5:
            return .object(["enum": .array((0...Int.random(in: 0...3, using: &random)).map { _ in value(depth: 1) })])
        case 6: return .object(["const": value(depth: 2)])
        case 7: return .object(["type": .array([.string("string"), .string("integer"), .string("null")])])
        case 8, 9: return object(depth: depth - 1)
        case 10: return array(depth: depth - 1)
        case 11: return tuple(depth: depth - 1)
        case 12: return combination(depth: depth - 1)
        case 13: return .object(["$ref": .string(pick(["#/$defs/leaf", "#/$defs/pair", "#/$defs/node"]))])
        default: return one(in: 2) ? .object([:]) : .boolean(true)
        }
    }

    private mutating func string() -> JSONValue {
        var members: JSONObject = ["type": .string("string")]
        switch Int.random(in: 0..<4, using: &random) {
        case 0: members = ["type": .string("string"), "pattern": .string(pick(Self.patterns))]
        case 1: members = ["type": .string("string"), "format": .string(pick(Self.formats))]
        case 2:
            let least = Int.random(in: 0...4, using: &random)
            members = [
                "type": .string("string"), "minLength": .integer(least),
                "maxLength": .integer(least + .random(in: 0...90, using: &random)),
            ]
        default: break
        }
        return .object(members)
    }

    private mutating func integer() -> JSONValue {
        var members = ["type": JSONValue.string("integer")]
        let low = Int.random(in: -1200...1200, using: &random)
        if one(in: 2) { members[pick(["minimum", "exclusiveMinimum"])] = .integer(low) }
        if one(in: 2) {
            members[pick(["maximum", "exclusiveMaximum"])] = .integer(low + .random(in: 0...3000, using: &random))
        }
        if members.count != 2, one(in: 3) {
            members["multipleOf"] = members.count == 1 ? .integer(pick([2, 5, 10, 100])) : number(2...9)
        }
        return .object(JSONObject(members))
    }

    private mutating func decimal() -> JSONValue {
        var members = ["type": JSONValue.string("number")]
        let low = Double(Int.random(in: -3000...3000, using: &random)) / pick([1, 10, 100, 1000])
        if one(in: 2) { members[pick(["minimum", "exclusiveMinimum"])] = .number(low) }
        if one(in: 2) {
            let high = low + Double(Int.random(in: 0...4000, using: &random)) / pick([1, 10, 1000])
            members[pick(["maximum", "exclusiveMaximum"])] = .number((high * 1000).rounded() / 1000)
        }
        return .object(JSONObject(members))
    }

    private static var names: [String] { ["foo", "bar", "b\"q", "ключ", "a/b~c", "", "foo bar", "qux"] }

    private mutating func object(depth: Int) -> JSONValue {
        let names = Self.names.filter { _ in one(in: 2) }
        var properties: JSONObject = [:]
        for name in names { properties = properties.adding(name, schema(depth: max(depth, 0))) }
        var members: [String: JSONValue] = ["type": .string("object"), "properties": .object(properties)]
        members["required"] = .array(names.filter { _ in one(in: 2) }.map { .string($0) })
        if one(in: 3) { members["additionalProperties"] = one(in: 3) ? .boolean(false) : schema(depth: 0) }
        if one(in: 6) { members["properties"] = nil }
        return .object(JSONObject(members))
    }

    private mutating func array(depth: Int) -> JSONValue {
        var members: [String: JSONValue] = ["type": .string("array")]
        if !one(in: 4) { members["items"] = schema(depth: depth) }
        let least = Int.random(in: 0...2, using: &random)
        if one(in: 2) { members["minItems"] = .integer(least) }
        if one(in: 2) { members["maxItems"] = .integer(least + .random(in: 0...3, using: &random)) }
        return .object(JSONObject(members))
    }

    private mutating func tuple(depth: Int) -> JSONValue {
        var members: [String: JSONValue] = ["type": .string("array")]
        members["prefixItems"] = .array((0...Int.random(in: 0...2, using: &random)).map { _ in schema(depth: depth) })
        if one(in: 2) { members["items"] = one(in: 2) ? .boolean(false) : schema(depth: depth) }
        if one(in: 2) { members["minItems"] = number(0...4) }
        if one(in: 3) { members["maxItems"] = number(1...6) }
        return .object(JSONObject(members))
    }

    private mutating func combination(depth: Int) -> JSONValue {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return .object(["anyOf": .array([schema(depth: depth), schema(depth: depth)])])
        case 1:
            let kinds = ["circle", "square", "text"].map { kind -> JSONValue in
                .object([
                    "type": .string("object"),
                    "properties": .object(["kind": .object(["const": .string(kind)]), "size": schema(depth: depth)]),
                    "required": .array([.string("kind")]),
                ])
            }
            return .object(["oneOf": .array(kinds)])
        case 2: return .object(["oneOf": .array([string(), integer(), array(depth: depth)])])
        default:
            return .object([
                "allOf": .array([object(depth: depth), .object(["properties": .object(["foo": schema(depth: 0)])])]),
                "description": .string("both"),
            ])
        }
    }

    /// Any JSON value.
    private mutating func value(depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth == 0 ? 5 : 7), using: &random) {
        case 0: return .null
        case 1: return .boolean(one(in: 2))
        case 2: return number(-50...50)
        case 3: return .number(Double(Int.random(in: -500...500, using: &random)) / 8)
        case 4: return .string(pick(["", "a", "é\n\"", "\u{1F600}", "red"]))
        case 5: return .array((0..<2).map { _ in value(depth: depth - 1) })
        default: return .object(["x": value(depth: depth - 1)])
        }
    }
}
