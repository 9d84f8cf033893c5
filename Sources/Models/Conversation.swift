/// One message of a chat, as a chat template sees it.
public struct ChatMessage: Sendable, Hashable, Codable {
    /// "system", "user", "assistant", "tool", …
    public var role: String
    public var content: [ContentPart]
    /// Functions that the assistant called in this message; nil for none.
    public var toolCalls: [ToolCall]?
    /// Of a tool's message: the call that it answers.
    public var toolCallID: String?
    /// Who speaks, where several play one role.
    public var name: String?
    /// What the assistant thought before it answered, for templates that show it.
    public var reasoning: String?

    public init(
        role: String, content: [ContentPart], toolCalls: [ToolCall]? = nil, toolCallID: String? = nil,
        name: String? = nil, reasoning: String? = nil
    ) {
        self.role = role
        self.content = content
        self.toolCalls = toolCalls
        self.toolCallID = toolCallID
        self.name = name
        self.reasoning = reasoning
    }
}

/// A piece of a message: words, or the place of an image.
public enum ContentPart: Sendable, Hashable, Codable {
    case text(String)
    /// The next image of the conversation; images are numbered in order of appearance.
    case image
}

/// A function that the assistant wants to be called.
public struct ToolCall: Sendable, Hashable, Codable {
    public var id: String
    public var name: String
    /// The text of a JSON object.
    public var arguments: String

    public init(id: String, name: String, arguments: String) {
        self.id = id
        self.name = name
        self.arguments = arguments
    }
}
