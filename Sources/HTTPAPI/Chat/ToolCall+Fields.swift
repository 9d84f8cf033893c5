import Models

extension ToolCall {
    /// The calls that an assistant's message tells of; nil where there are none.
    static func list(in message: JSONFields, role: String) throws(APIError) -> [ToolCall]? {
        guard let nodes = try message.list("tool_calls"), !nodes.isEmpty else { return nil }
        guard role == "assistant", nodes.count <= ChatRules.maxToolCalls else {
            throw .badRequest(
                "\(message.path).tool_calls must be at most \(ChatRules.maxToolCalls) calls of the assistant",
                param: "messages")
        }
        var calls: [ToolCall] = []
        for (index, node) in nodes.enumerated() {
            calls.append(try ToolCall(JSONFields(node, path: "\(message.path).tool_calls.\(index)")))
        }
        return calls
    }

    private init(_ fields: JSONFields) throws(APIError) {
        let type = try fields.string("type") ?? "function"
        guard type == "function", let function = try fields.fields("function"), let name = try function.string("name")
        else {
            throw .malformed(
                "\(fields.path) must be {\"id\": …, \"type\": \"function\", \"function\": {\"name\": …, \"arguments\": …}}",
                param: fields.path)
        }
        self.init(
            id: try fields.string("id") ?? "", name: name,
            arguments: try Self.arguments(function["arguments"], path: "\(function.path).arguments"))
    }

    /// The text of an object, as answers have it, or the object itself; none for a function without arguments.
    private static func arguments(_ node: JSONValue?, path: String) throws(APIError) -> String {
        switch node {
        case nil, .string(""): return "{}"
        case .object?: return node?.text ?? "{}"
        case .string(let text):
            guard case .object? = try? JSONValue.parse(text, name: path) else {
                throw .malformed("\(path) must be the text of a JSON object", param: path)
            }
            return text
        case let other?: throw .malformed("\(path) must be a text, not \(other.kind)", param: path)
        }
    }
}
