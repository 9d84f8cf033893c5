import Models

/// The fields of a request's object, read one by one with their types and ranges checked.
///
/// A null counts as absent. A wrong type is answered as vLLM does ("Bad Request", param `body.<field>`), a value out of
/// range as a broken rule ("BadRequestError", param `<field>`).
struct JSONFields {
    private let members: JSONObject
    /// "body", "body.stream_options", "body.messages.0".
    let path: String

    init(_ node: JSONValue, path: String) throws(APIError) {
        guard case .object(let members) = node else {
            throw .malformed("\(path) must be an object, not \(node.kind)", param: path)
        }
        self.members = members
        self.path = path
    }

    subscript(_ name: String) -> JSONValue? {
        guard let node = members[name], node != .null else { return nil }
        return node
    }

    /// Of the members that are not null, sorted.
    var names: [String] { members.filter { $0.value != .null }.map(\.key).sorted() }

    /// Whether the key is there at all, null or not.
    func has(_ name: String) -> Bool { members[name] != nil }

    func string(_ name: String) throws(APIError) -> String? {
        guard let node = self[name] else { return nil }
        guard case .string(let text) = node else { throw wrongType(name, "a string", node) }
        return text
    }

    func bool(_ name: String) throws(APIError) -> Bool? {
        guard let node = self[name] else { return nil }
        guard case .boolean(let flag) = node else { throw wrongType(name, "a boolean", node) }
        return flag
    }

    func list(_ name: String) throws(APIError) -> [JSONValue]? {
        guard let node = self[name] else { return nil }
        guard case .array(let values) = node else { throw wrongType(name, "an array", node) }
        return values
    }

    func fields(_ name: String) throws(APIError) -> JSONFields? {
        guard let node = self[name] else { return nil }
        return try JSONFields(node, path: "\(path).\(name)")
    }

    func integer(_ name: String, in range: ClosedRange<Int> = .min ... .max) throws(APIError) -> Int? {
        guard let node = self[name] else { return nil }
        guard case .integer(let value) = node else { throw wrongType(name, "an integer", node) }
        guard range.contains(value) else {
            throw .badRequest("\(name) must be \(Self.text(of: range)), not \(value)", param: name)
        }
        return value
    }

    /// A number that satisfies `rule`, which reads "at least 0 and at most 2" in the error; it must do so as the
    /// `Float` that it is used as, too: 1e39 is infinite then, and 1e-50 is zero.
    func number(_ name: String, _ rule: String, where isAllowed: (Double) -> Bool) throws(APIError) -> Float? {
        guard let node = self[name] else { return nil }
        guard let value = node.number else { throw wrongType(name, "a number", node) }
        let rounded = Float(value)
        guard rounded.isFinite, isAllowed(value), isAllowed(Double(rounded)) else {
            throw .badRequest("\(name) must be \(rule), not \(value)", param: name)
        }
        return rounded
    }

    func number(_ name: String, in range: ClosedRange<Double>) throws(APIError) -> Float? {
        try number(name, "at least \(range.lowerBound) and at most \(range.upperBound)") { range.contains($0) }
    }

    func wrongType(_ name: String, _ expected: String, _ found: JSONValue) -> APIError {
        .malformed("\(path).\(name) must be \(expected), not \(found.kind)", param: "\(path).\(name)")
    }

    private static func text(of range: ClosedRange<Int>) -> String {
        range.upperBound == .max ? "at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
    }
}
