/// The Jinja template by which a checkpoint turns conversations into prompts.
///
/// Renders as Hugging Face's `apply_chat_template` does, and marks in the result what came from messages.
public struct ChatTemplate: Sendable {
    public let facts: TemplateFacts
    private let statements: [TemplateStatement]
    private let format: ContentFormat
    private let limits: TemplateLimits

    public init(source: String, limits: TemplateLimits = .init()) throws(TemplateError) {
        statements = try TemplateParser.parse(source, limits: limits)
        format = ContentFormat(of: statements)
        facts = TemplateFacts(statements, source: source)
        self.limits = limits
    }

    /// Writes `messages` as the model was trained to read them.
    ///
    /// - Parameters:
    ///   - variables: `bos_token`, `eos_token`, `tools`, … by name.
    ///   - imageMarker: stands for an image where the template takes strings only.
    ///   - alwaysInParts: whether a single text too is a list, for a template that prints nothing of a string.
    ///   - continuesFinalMessage: whether the result ends with the final message's last text, as far as the template
    ///     keeps it (`continue_final_message` of transformers 5.24).
    public func render(
        _ messages: [ChatMessage], addGenerationPrompt: Bool, variables: [String: TemplateValue] = [:],
        imageMarker: String = "<image>", alwaysInParts: Bool = false, continuesFinalMessage: Bool = false
    ) throws(TemplateError) -> PromptText {
        var names = variables
        let isList = alwaysInParts && format == .parts
        let open = continuesFinalMessage ? OpenMessage(messages) : nil
        names["messages"] = .list(
            messages.indices.map { index in
                var texts = messages[index].content.map(Self.text)
                if let open, open.message == index { texts[open.part] = open.marked }
                return value(of: messages[index], texts, imageMarker: imageMarker, isList: isList)
            })
        names["add_generation_prompt"] = .boolean(addGenerationPrompt)
        for (name, value) in variables where value.depth > limits.depth {
            throw .limit(line: 1, what: "values inside one another in the variable \(name)", limit: limits.depth)
        }
        var evaluator = TemplateEvaluator(variables: names, limits: limits)
        let rendered = try evaluator.run(statements)
        guard continuesFinalMessage else { return PromptText(rendered) }
        guard let cut = open?.cut(rendered) else {
            throw .raised(message: "it leaves out text of the final message, which cannot be continued then.")
        }
        return PromptText(cut)
    }

    /// Nil for an image.
    private static func text(_ part: ContentPart) -> TemplateString? {
        if case .text(let text) = part { TemplateString(untrusted: text) } else { nil }
    }

    private func value(
        of message: ChatMessage, _ texts: [TemplateString?], imageMarker: String, isList: Bool
    ) -> TemplateValue {
        var members: [(String, TemplateValue)] = [
            ("role", .untrusted(message.role)),
            ("content", isList ? .list(texts.map(part)) : content(texts, imageMarker: imageMarker)),
        ]
        if let calls = message.toolCalls { members.append(("tool_calls", .list(calls.map { TemplateValue($0) }))) }
        if let id = message.toolCallID { members.append(("tool_call_id", .untrusted(id))) }
        if let name = message.name { members.append(("name", .untrusted(name))) }
        // Templates have either name; transformers 5.24 fills both.
        if let reasoning = message.reasoning {
            for name in ["reasoning_content", "reasoning"] { members.append((name, .untrusted(reasoning))) }
        }
        return .dictionary(TemplateDictionary(named: members))
    }

    /// A message of one text is that text in both formats: many templates take system messages as strings only.
    /// For templates that know strings only, markers for all images come first, which is what models were trained on.
    private func content(_ texts: [TemplateString?], imageMarker: String) -> TemplateValue {
        if texts.isEmpty { return .trusted("") }
        if texts.count == 1, case let text?? = texts.first { return .string(text) }
        switch format {
        case .parts: return .list(texts.map(part))
        case .string:
            let words = texts.compactMap { $0 }
            let markers = String(repeating: imageMarker + "\n", count: texts.count - words.count)
            let separator = TemplateString(untrusted: "\n")
            return .string(
                words.enumerated().reduce(TemplateString(trusted: markers)) { text, word in
                    text + (word.offset > 0 ? separator : TemplateString()) + word.element
                })
        }
    }

    private func part(_ text: TemplateString?) -> TemplateValue {
        guard let text else { return .dictionary(TemplateDictionary(named: [("type", .trusted("image"))])) }
        return .dictionary(TemplateDictionary(named: [("type", .trusted("text")), ("text", .string(text))]))
    }
}
