/// The Jinja template by which a checkpoint turns conversations into prompts.
///
/// Renders as Hugging Face's `apply_chat_template` does, and marks in the result what came from messages.
public struct ChatTemplate: Sendable {
    private let statements: [TemplateStatement]
    private let format: ContentFormat
    private let limits: TemplateLimits

    public init(source: String, limits: TemplateLimits = .init()) throws(TemplateError) {
        statements = try TemplateParser.parse(source, limits: limits)
        format = ContentFormat(of: statements)
        self.limits = limits
    }

    /// Writes `messages` as the model was trained to read them.
    ///
    /// - Parameters:
    ///   - variables: `bos_token`, `eos_token`, `tools`, … by name.
    ///   - imageMarker: stands for an image where the template takes strings only.
    ///   - alwaysInParts: whether a single text too is a list, for a template that prints nothing of a string.
    public func render(
        _ messages: [ChatMessage], addGenerationPrompt: Bool, variables: [String: TemplateValue] = [:],
        imageMarker: String = "<image>", alwaysInParts: Bool = false
    ) throws(TemplateError) -> PromptText {
        var names = variables
        let isList = alwaysInParts && format == .parts
        names["messages"] = .list(messages.map { value(of: $0, imageMarker: imageMarker, isList: isList) })
        names["add_generation_prompt"] = .boolean(addGenerationPrompt)
        for (name, value) in variables where value.depth > limits.depth {
            throw .limit(line: 1, what: "values inside one another in the variable \(name)", limit: limits.depth)
        }
        var evaluator = TemplateEvaluator(variables: names, limits: limits)
        return PromptText(try evaluator.run(statements))
    }

    private func value(of message: ChatMessage, imageMarker: String, isList: Bool) -> TemplateValue {
        let content =
            isList ? .list(message.content.map(part)) : content(of: message, imageMarker: imageMarker)
        return .dictionary(
            TemplateDictionary(named: [("role", .untrusted(message.role)), ("content", content)]))
    }

    /// A message of one text is that text in both formats: many templates take system messages as strings only.
    /// For templates that know strings only, markers for all images come first, which is what models were trained on.
    private func content(of message: ChatMessage, imageMarker: String) -> TemplateValue {
        if message.content.count == 1, case .text(let text)? = message.content.first { return .untrusted(text) }
        switch format {
        case .parts: return .list(message.content.map(part))
        case .string:
            var texts: [String] = []
            for case .text(let text) in message.content { texts.append(text) }
            let images = message.content.count - texts.count
            let markers = String(repeating: imageMarker + "\n", count: images)
            return .string(
                TemplateString(trusted: markers) + TemplateString(untrusted: texts.joined(separator: "\n")))
        }
    }

    private func part(_ part: ContentPart) -> TemplateValue {
        switch part {
        case .text(let text):
            .dictionary(TemplateDictionary(named: [("type", .trusted("text")), ("text", .untrusted(text))]))
        case .image: .dictionary(TemplateDictionary(named: [("type", .trusted("image"))]))
        }
    }
}
