/// The members of a JSON object in the order of their text, found by their keys.
///
/// Objects are equal when their members are, in whatever order.
public struct JSONObject: Sendable, Hashable {
    public private(set) var keys: [String] = []
    public private(set) var dictionary: [String: JSONValue] = [:]

    public init() {}

    /// In the order of their keys, since a dictionary has none.
    public init(_ dictionary: [String: JSONValue]) {
        keys = dictionary.keys.sorted()
        self.dictionary = dictionary
    }

    public var count: Int { keys.count }
    public var isEmpty: Bool { keys.isEmpty }

    public subscript(key: String) -> JSONValue? { dictionary[key] }

    /// Adds a member at the end, or gives one that is there another value and returns the one it had.
    @discardableResult
    mutating func updateValue(_ value: JSONValue, forKey key: String) -> JSONValue? {
        let former = dictionary.updateValue(value, forKey: key)
        if former == nil { keys.append(key) }
        return former
    }

    /// This object with another member at its end.
    public func adding(_ key: String, _ value: JSONValue) -> JSONObject {
        var object = self
        object.updateValue(value, forKey: key)
        return object
    }

    public static func == (left: JSONObject, right: JSONObject) -> Bool { left.dictionary == right.dictionary }
    public func hash(into hasher: inout Hasher) { hasher.combine(dictionary) }
}

extension JSONObject: Sequence {
    public func makeIterator() -> some IteratorProtocol<(key: String, value: JSONValue)> {
        keys.lazy.map { (key: $0, value: dictionary[$0] ?? .null) }.makeIterator()
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        for (key, value) in elements { updateValue(value, forKey: key) }
    }
}
