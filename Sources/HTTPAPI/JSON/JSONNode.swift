/// A JSON value to be sent: its objects keep the order of their keys, so that an answer's text is the same every time.
enum JSONNode: Sendable, Hashable {
    case null
    case bool(Bool)
    case int(Int)
    case number(Double)
    case string(String)
    case array([JSONNode])
    case object([Member])

    struct Member: Sendable, Hashable {
        let key: String
        let value: JSONNode
    }

    /// This object with another member at its end.
    func adding(_ key: String, _ value: JSONNode) -> JSONNode {
        guard case .object(let members) = self else { preconditionFailure("only an object has members") }
        return .object(members + [Member(key: key, value: value)])
    }

    static func optional(_ text: String?) -> JSONNode { text.map { .string($0) } ?? .null }
    static func optional(_ value: Int?) -> JSONNode { value.map { .int($0) } ?? .null }
}

extension JSONNode: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
    init(dictionaryLiteral elements: (String, JSONNode)...) {
        self = .object(elements.map { Member(key: $0.0, value: $0.1) })
    }

    init(arrayLiteral elements: JSONNode...) { self = .array(elements) }
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .int(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(nilLiteral: ()) { self = .null }
}
