import Models

extension PromptOptions {
    /// How a request wants its messages written: `add_generation_prompt`, `continue_final_message`,
    /// `chat_template_kwargs`, `reasoning_effort`, `truncate_prompt_tokens`.
    ///
    /// - Parameter answer: the longest answer in tokens, for which truncation to the context leaves room.
    init(
        _ fields: JSONFields, _ rules: ChatRules, tools: [JSONValue], messages: [ChatMessage], answer: Int?
    ) throws(APIError) {
        self.init(tools: tools)
        ending = try Self.ending(fields, messages)
        variables = try Self.variables(fields, rules)
        keptTokens = try Self.keptTokens(fields, rules, messages, answer: answer ?? 1)
        switch try fields.string("truncation_side") {
        case nil, "left": keepsBeginning = false
        case "right": keepsBeginning = keptTokens != nil
        default: throw .badRequest("truncation_side must be left or right", param: "truncation_side")
        }
    }

    private static func ending(_ fields: JSONFields, _ messages: [ChatMessage]) throws(APIError) -> Ending {
        let name = "continue_final_message"
        let begins = try fields.bool("add_generation_prompt")
        guard try fields.bool(name) ?? false else { return begins ?? true ? .answer : .conversation }
        guard begins != true else {
            throw .badRequest("\(name) and add_generation_prompt cannot both be true", param: name)
        }
        let hasText = messages.last?.content.contains { if case .text = $0 { true } else { false } } ?? false
        guard hasText else { throw .badRequest("\(name) needs text in the final message", param: name) }
        return .finalMessage
    }

    /// Only what the template reads: it cannot tell whether it was given anything else. What it is given by other ways, or
    /// takes for a function of its language, is refused.
    private static func variables(_ fields: JSONFields, _ rules: ChatRules) throws(APIError) -> JSONObject {
        let name = "chat_template_kwargs"
        var variables: JSONObject = [:]
        if let node = fields[name] {
            guard case .object(let members) = node else { throw fields.wrongType(name, "an object", node) }
            for (key, value) in members {
                guard !TemplateFacts.isReserved(key), rules.tokenizer.namedTokens[key] == nil else {
                    throw .badRequest("\(name) must not have \(key.prefix(40)), which the server sets", param: name)
                }
                if rules.template.names.contains(key) { variables = variables.adding(key, value) }
            }
        }
        return try addReasoningEffort(to: variables, fields, rules)
    }

    private static func addReasoningEffort(
        to variables: JSONObject, _ fields: JSONFields, _ rules: ChatRules
    ) throws(APIError) -> JSONObject {
        let name = "reasoning_effort"
        guard let effort = try fields.string(name) else { return variables }
        guard ["none", "minimal", "low", "medium", "high", "xhigh", "max"].contains(effort) else {
            throw .badRequest("\(name) must be none, minimal, low, medium, high, xhigh or max", param: name)
        }
        if rules.template.names.contains(name) { return variables.adding(name, .string(effort)) }
        guard effort == "none" else { throw .badRequest("This model knows no \(name).", param: name) }
        return variables
    }

    private static func keptTokens(
        _ fields: JSONFields, _ rules: ChatRules, _ messages: [ChatMessage], answer: Int
    ) throws(APIError) -> Int? {
        let name = "truncate_prompt_tokens"
        guard let count = try fields.integer(name, in: -1...rules.contextLength) else { return nil }
        guard count != 0 else { throw .badRequest("\(name) must be at least 1, or -1", param: name) }
        guard !messages.contains(where: { $0.content.contains(.image) }) else {
            throw .badRequest("\(name) would cut images in two: it is for prompts of text only", param: name)
        }
        return count == -1 ? max(rules.contextLength - answer, 1) : count
    }
}
