import Foundation
import Models

/// Whether a value is an instance of a schema, by the definition (JSON Schema 2020-12, core and validation): the tests' own
/// reading, which knows nothing of the compiler's.
struct SchemaValidator {
    let root: JSONValue

    func isValid(_ value: JSONValue, _ schema: JSONValue) -> Bool {
        switch schema {
        case .boolean(let isValid): return isValid
        case .object(let keywords):
            return keywords.allSatisfy { keyword, argument in holds(keyword, argument, of: value, in: keywords) }
        default: return false
        }
    }

    private func holds(_ keyword: String, _ argument: JSONValue, of value: JSONValue, in schema: JSONObject) -> Bool {
        switch keyword {
        case "type": return list(argument).contains { isOf($0, value) } || isOf(argument, value)
        case "enum": return list(argument).contains { equal($0, value) }
        case "const": return equal(argument, value)
        case "anyOf": return list(argument).contains { isValid(value, $0) }
        case "oneOf": return list(argument).count { isValid(value, $0) } == 1
        case "allOf": return list(argument).allSatisfy { isValid(value, $0) }
        case "$ref": return isValid(value, target(argument))
        case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf":
            guard let number = self.number(value), let bound = self.number(argument) else { return true }
            return compares(keyword, number, bound)
        case "minLength", "maxLength", "pattern", "format":
            guard case .string(let text) = value else { return true }
            return holds(keyword, argument, ofText: text)
        case "minItems", "maxItems", "items", "prefixItems":
            guard case .array(let items) = value else { return true }
            return holds(keyword, argument, of: items, in: schema)
        case "required", "properties", "additionalProperties":
            guard case .object(let members) = value else { return true }
            return holds(keyword, argument, of: members, in: schema)
        default: return true
        }
    }

    private func compares(_ keyword: String, _ number: Double, _ bound: Double) -> Bool {
        switch keyword {
        case "minimum": number >= bound
        case "maximum": number <= bound
        case "exclusiveMinimum": number > bound
        case "exclusiveMaximum": number < bound
        default: (number / bound).rounded() == number / bound
        }
    }

    private func holds(_ keyword: String, _ argument: JSONValue, of items: [JSONValue], in schema: JSONObject) -> Bool {
        let first = list(schema["prefixItems"] ?? .null)
        switch keyword {
        case "minItems": return Double(items.count) >= number(argument) ?? 0
        case "maxItems": return Double(items.count) <= number(argument) ?? 0
        case "prefixItems": return zip(items, first).allSatisfy { isValid($0, $1) }
        default: return items.dropFirst(first.count).allSatisfy { isValid($0, argument) }
        }
    }

    private func holds(_ keyword: String, _ argument: JSONValue, of members: JSONObject, in schema: JSONObject) -> Bool
    {
        var declared: JSONObject = [:]
        if case .object(let properties) = schema["properties"] { declared = properties }
        switch keyword {
        case "required":
            return list(argument).allSatisfy { if case .string(let name) = $0 { members[name] != nil } else { false } }
        case "properties":
            return declared.allSatisfy { name, schema in members[name].map { isValid($0, schema) } ?? true }
        default: return members.allSatisfy { name, value in declared[name] != nil || isValid(value, argument) }
        }
    }

    private func holds(_ keyword: String, _ argument: JSONValue, ofText text: String) -> Bool {
        switch (keyword, argument) {
        case ("minLength", _): return Double(text.unicodeScalars.count) >= number(argument) ?? 0
        case ("maxLength", _): return Double(text.unicodeScalars.count) <= number(argument) ?? 0
        case ("pattern", .string(let pattern)):
            let expression = try? NSRegularExpression(pattern: pattern)
            return expression?.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil
        case ("format", .string(let format)): return isOf(format: format, text)
        default: return false
        }
    }

    private func isOf(format: String, _ text: String) -> Bool {
        switch format {
        case "date": return isDate(text)
        case "time": return isTime(text)
        case "date-time":
            let parts = text.split(separator: "T", omittingEmptySubsequences: false).map(String.init)
            return parts.count == 2 && isDate(parts[0]) && isTime(parts[1])
        case "uuid": return UUID(uuidString: text) != nil
        case "ipv4":
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            return parts.count == 4 && parts.allSatisfy { UInt8($0).map(String.init) == String($0) }
        case "ipv6":
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            return parts.count == 8 && parts.allSatisfy { UInt16($0, radix: 16) != nil && $0.count <= 4 }
        case "email": return text.split(separator: "@").count == 2 && text.contains(".") && !text.contains(" ")
        case "hostname": return !text.hasPrefix("-") && !text.contains("..") && text.utf8.count < 254
        case "uri": return URL(string: text)?.scheme?.hasPrefix("http") == true
        case "duration": return text.hasPrefix("P") && text.count > 2 && !text.hasSuffix("T")
        default: return false
        }
    }

    private func isDate(_ text: String) -> Bool {
        let parts = text.split(separator: "-").compactMap { Int($0) }
        guard text.utf8.count == 10, parts.count == 3, (1...12).contains(parts[1]) else { return false }
        let isLeap = parts[0] % 4 == 0 && (parts[0] % 100 != 0 || parts[0] % 400 == 0)
        return (1...[31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][parts[1] - 1]).contains(parts[2])
    }

    private func isTime(_ text: String) -> Bool {
        guard let zone = text.lastIndex(where: { "Zz+-".contains($0) }) else { return false }
        let clock = text[..<zone].split(separator: ":", omittingEmptySubsequences: false)
        guard clock.count == 3, clock[0].count == 2, clock[1].count == 2, let seconds = Double(clock[2]), seconds < 60,
            let hours = Int(clock[0]), hours < 24, let minutes = Int(clock[1]), minutes < 60
        else { return false }
        let offset = text[zone...].dropFirst().split(separator: ":").compactMap { Int($0) }
        return offset.isEmpty || offset.count == 2 && offset[0] < 24 && offset[1] < 60
    }

    // MARK: Values

    private func list(_ value: JSONValue) -> [JSONValue] { if case .array(let values) = value { values } else { [] } }

    private func number(_ value: JSONValue) -> Double? {
        switch value {
        case .integer(let integer): Double(integer)
        case .number(let number): number
        default: nil
        }
    }

    private func isOf(_ type: JSONValue, _ value: JSONValue) -> Bool {
        switch (type, value) {
        case (.string("null"), .null), (.string("boolean"), .boolean), (.string("string"), .string),
            (.string("array"), .array), (.string("object"), .object), (.string("integer"), .integer),
            (.string("number"), .integer), (.string("number"), .number):
            true
        case (.string("integer"), .number(let number)): number.rounded() == number
        default: false
        }
    }

    private func equal(_ left: JSONValue, _ right: JSONValue) -> Bool {
        if let left = number(left), let right = number(right) { return left == right }
        switch (left, right) {
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { equal($0, $1) }
        case (.object(let left), .object(let right)):
            return left.count == right.count
                && left.allSatisfy { key, value in right[key].map { equal($0, value) } ?? false }
        default: return left == right
        }
    }

    private func target(_ reference: JSONValue) -> JSONValue {
        guard case .string(let path) = reference else { return .boolean(false) }
        return path.split(separator: "/").dropFirst().reduce(root) { value, step in
            if case .object(let members) = value { members[String(step)] ?? .boolean(false) } else { .boolean(false) }
        }
    }
}
