/// Why an output constraint cannot be used, or an answer cannot go on under it.
public enum ConstraintError: Error, Sendable, Hashable, CustomStringConvertible {
    /// `path` is a JSON pointer into the schema: "#/properties/a".
    case malformedSchema(path: String, reason: String)
    case unsupportedKeyword(String, path: String, reason: String? = nil)
    /// `position` counts characters from 0.
    case malformedRegex(position: Int, reason: String)
    case unsupportedRegex(feature: String, position: Int)
    /// `line` counts from 1.
    case malformedGrammar(line: Int, reason: String)
    case malformedChoice(reason: String)
    case unsatisfiable(reason: String)
    case tooLarge(what: String, limit: Int)
    /// Too many readings of the same text would have to be followed at once.
    case tooAmbiguous
    /// The vocabulary has no token for what would have to come next.
    case noToken

    public var description: String {
        switch self {
        case .malformedSchema(let path, let reason): "the JSON schema is wrong at \(path.prefix(200)): \(reason)"
        case .unsupportedKeyword(let keyword, let path, let reason):
            "the JSON schema's keyword \"\(keyword.prefix(60))\" at \(path.prefix(200)) is not supported"
                + (reason.map { ": \($0)" } ?? "")
        case .malformedRegex(let position, let reason):
            "the regular expression is wrong at character \(position): \(reason)"
        case .unsupportedRegex(let feature, let position):
            "the regular expression has \(feature) at character \(position), which is not supported"
        case .malformedGrammar(let line, let reason): "the grammar is wrong in line \(line): \(reason)"
        case .malformedChoice(let reason): "the choice is wrong: \(reason)"
        case .unsatisfiable(let reason): "no text can satisfy the constraint: \(reason)"
        case .tooLarge(let what, let limit): "the constraint is too large: \(what), at most \(limit)"
        case .tooAmbiguous: "the constraint is too ambiguous: too many readings of one text must be followed at once"
        case .noToken: "the vocabulary has no token for what the constraint wants next"
        }
    }
}
