extension TemplateValue {
    /// A value of a request: none of its texts ever becomes a special token.
    public init(untrusted value: JSONValue) {
        switch value {
        case .null: self = .none
        case .boolean(let flag): self = .boolean(flag)
        case .integer(let number): self = .integer(number)
        case .number(let number): self = .number(number)
        case .string(let text): self = .untrusted(text)
        case .array(let values): self = .list(values.map(TemplateValue.init(untrusted:)))
        case .object(let members):
            self = .dictionary(members.map { (TemplateString(untrusted: $0.key), TemplateValue(untrusted: $0.value)) })
        }
    }

    /// A call as templates know it: `{id, type, function: {name, arguments}}`, the arguments an object and not its text.
    init(_ call: ToolCall) {
        let arguments = (try? JSONValue.parse(call.arguments, name: "arguments")) ?? .string(call.arguments)
        self = .dictionary(
            TemplateDictionary(named: [
                ("id", .untrusted(call.id)), ("type", .trusted("function")),
                (
                    "function",
                    .dictionary(
                        TemplateDictionary(named: [
                            ("name", .untrusted(call.name)), ("arguments", TemplateValue(untrusted: arguments)),
                        ]))
                ),
            ]))
    }
}
