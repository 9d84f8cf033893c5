/// How a conversation becomes a prompt, where a request asks for anything but the usual.
public struct PromptOptions: Sendable, Hashable, Codable {
    public enum Ending: String, Sendable, Codable {
        /// The head of the assistant's next message (`add_generation_prompt`).
        case answer
        /// The text of the final message, which the answer goes on with (`continue_final_message`).
        case finalMessage
        /// Whatever the template writes after the final message.
        case conversation
    }

    public var ending: Ending
    /// Further variables of the template by name, as which it takes switches such as `enable_thinking`.
    public var variables: JSONObject
    /// Descriptions of functions that may be called, as the template's `tools`.
    public var tools: [JSONValue]
    /// How many tokens of the prompt are kept; nil for all. Without meaning for prompts with images.
    public var keptTokens: Int?
    /// Whether the prompt's beginning is kept, and not its end.
    public var keepsBeginning: Bool

    public init(
        ending: Ending = .answer, variables: JSONObject = [:], tools: [JSONValue] = [], keptTokens: Int? = nil,
        keepsBeginning: Bool = false
    ) {
        self.ending = ending
        self.variables = variables
        self.tools = tools
        self.keptTokens = keptTokens
        self.keepsBeginning = keepsBeginning
    }

    func kept(_ tokens: [Int32]) -> [Int32] {
        guard let keptTokens else { return tokens }
        return Array(keepsBeginning ? tokens.prefix(keptTokens) : tokens.suffix(keptTokens))
    }
}

extension ChatTemplate {
    /// Writes `messages` as `options` ask; `namedTokens` are the tokenizer's, which the template knows by their names.
    func render(
        _ messages: [ChatMessage], _ options: PromptOptions, namedTokens: [String: String],
        imageMarker: String = "<image>", alwaysInParts: Bool = false
    ) throws(TemplateError) -> PromptText {
        var variables: [String: TemplateValue] = [:]
        for (name, value) in options.variables { variables[name] = TemplateValue(untrusted: value) }
        variables.merge(namedTokens.mapValues(TemplateValue.trusted)) { $1 }
        if !options.tools.isEmpty { variables["tools"] = .list(options.tools.map(TemplateValue.init(untrusted:))) }
        return try render(
            messages, addGenerationPrompt: options.ending == .answer, variables: variables, imageMarker: imageMarker,
            alwaysInParts: alwaysInParts, continuesFinalMessage: options.ending == .finalMessage)
    }
}
