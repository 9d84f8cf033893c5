import Models
import NIOCore

extension JSONValue {
    /// A value takes more memory than the two bytes of its text; this many take about 50 MB.
    static let mostBodyValues = 1_000_000

    /// The value of a whole request body. What is wrong with it is told with its place, in vLLM's way.
    init(body: ByteBuffer) throws {
        do {
            self = try body.withUnsafeReadableBytes {
                try JSONValue.parse($0, name: "The body", mostValues: Self.mostBodyValues)
            }
        } catch let error as ModelError {
            guard case .malformedJSON(_, let offset, _) = error else { throw error }
            throw APIError.malformed("\(error)", param: "body.\(offset)")
        }
    }

    /// How error messages name what was found: its kind only, never its content.
    var kind: String {
        switch self {
        case .null: "null"
        case .boolean: "a boolean"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}
