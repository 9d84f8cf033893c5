/// One message of a chat, as a chat template sees it.
public struct ChatMessage: Sendable, Hashable, Codable {
    /// "system", "user", "assistant", …
    public var role: String
    public var content: [ContentPart]

    public init(role: String, content: [ContentPart]) {
        self.role = role
        self.content = content
    }
}

/// A piece of a message: words, or the place of an image.
public enum ContentPart: Sendable, Hashable, Codable {
    case text(String)
    /// The next image of the conversation; images are numbered in order of appearance.
    case image
}
