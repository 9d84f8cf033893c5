/// What an answer's text must be: a description to be stored and sent, compiled by `ConstraintCompiler` before use.
///
/// Constraints compose: a tool call is a sequence of a literal, a JSON schema and another literal.
public indirect enum OutputConstraint: Sendable, Hashable, Codable {
    /// An instance of a JSON schema, given as its JSON text: the order of its properties is that of the answer.
    case jsonSchema(String, JSONStyle = JSONStyle())
    /// Any JSON object.
    case jsonObject(JSONStyle = JSONStyle())
    /// The whole text matches a regular expression (`RegexParser` says which are understood).
    case regex(String)
    /// One of some texts.
    case choice([String])
    /// A text of a grammar in GBNF, whose first rule is `root`.
    case grammar(String)
    case literal(String)
    /// One after the other, with nothing between them.
    case sequence([OutputConstraint])
    case anyOf([OutputConstraint])
    /// One or more, at most so many, with a text between them.
    case repeated(OutputConstraint, separator: String, atMost: Int)

    /// How freely JSON is written.
    public struct JSONStyle: Sendable, Hashable, Codable {
        public var whitespace: Whitespace
        /// Objects whose schemas say nothing of `additionalProperties` have none, even without `properties`.
        public var closesObjects: Bool

        public init(whitespace: Whitespace = .flexible, closesObjects: Bool = false) {
            self.whitespace = whitespace
            self.closesObjects = closesObjects
        }
    }

    /// What may stand between the parts of JSON.
    public enum Whitespace: Sendable, Hashable, Codable {
        /// Nothing, one space, or a line break with an indentation.
        case flexible
        case none
        /// What a regular expression says, which must not go beyond JSON's own white space.
        case pattern(String)
    }
}
