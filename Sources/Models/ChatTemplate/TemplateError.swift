/// Why a chat template cannot be read or rendered.
public enum TemplateError: Error, Equatable, CustomStringConvertible {
    case syntax(line: Int, reason: String)
    /// Jinja that no known checkpoint uses.
    case unsupported(line: Int, feature: String)
    case evaluation(line: Int, reason: String)
    /// The template's own `raise_exception`: the conversation is not one that the model knows.
    case raised(message: String)
    case limit(line: Int, what: String, limit: Int)
    case unreadable(file: String, reason: String)

    public var description: String {
        switch self {
        case .syntax(let line, let reason): "The chat template is malformed at line \(line): \(reason)."
        case .unsupported(let line, let feature):
            "The chat template uses \(feature) at line \(line), which is not supported."
        case .evaluation(let line, let reason): "The chat template failed at line \(line): \(reason)."
        case .raised(let message): "The chat template refuses this conversation: \(message)"
        case .limit(let line, let what, let limit):
            "The chat template was stopped at line \(line): more than \(limit) \(what)."
        case .unreadable(let file, let reason): "The chat template of \(file) cannot be read: \(reason)."
        }
    }
}

/// What a template may use up. Templates come with checkpoints, so they are programs of strangers.
public struct TemplateLimits: Sendable, Equatable {
    /// Characters of source; the longest of known checkpoints has about 12 000.
    public var sourceLength = 1 << 18
    /// Evaluated nodes, every 32 characters or items that are copied or compared, and some for each pass of a loop.
    ///
    /// Known templates need fewer for 400,000 characters in 400 messages; all of these are gone in about a second.
    public var steps = 200_000
    /// Characters of the prompt and of any string, items of any list.
    public var length = 4 << 20
    /// Statements, expressions, macro calls and values inside one another.
    public var depth = 128

    public init() {}
}
