import FoundationEssentials
import NIOCore

extension JSONNode: Decodable {
    /// The value of a whole request body. Foundation's parser limits nesting (512) and refuses numbers beyond Double.
    static func parse(_ body: ByteBuffer) throws -> JSONNode {
        try JSONDecoder().decode(JSONNode.self, from: Data(body.readableBytesView))
    }

    init(from decoder: any Decoder) throws {
        if let members = try? decoder.container(keyedBy: FieldName.self) {
            self = .object(
                try members.allKeys.map {
                    Member(key: $0.stringValue, value: try members.decode(Self.self, forKey: $0))
                })
        } else if var elements = try? decoder.unkeyedContainer() {
            var values: [JSONNode] = []
            while !elements.isAtEnd { values.append(try elements.decode(Self.self)) }
            self = .array(values)
        } else {
            self = try Self.scalar(decoder.singleValueContainer())
        }
    }

    private static func scalar(_ container: any SingleValueDecodingContainer) throws -> JSONNode {
        if container.decodeNil() { return .null }
        if let text = try? container.decode(String.self) { return .string(text) }
        if let flag = try? container.decode(Bool.self) { return .bool(flag) }
        if let value = try? container.decode(Int.self) { return .int(value) }
        return .number(try container.decode(Double.self))
    }

    private struct FieldName: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
