import Models
import Workers

/// The tools of a request: what the model is told of them, and whether its calls are taken out of the answer.
struct ToolFields {
    private(set) var descriptions: [JSONValue] = []
    /// Nil where no call may come.
    private(set) var use: ToolUse?

    private static let mostTools = 128
    private static let longestName = 64

    init(_ fields: JSONFields, _ rules: ChatRules) throws(APIError) {
        let several = try fields.bool("parallel_tool_calls") ?? true
        guard let tools = try fields.list("tools") else {
            guard fields["tool_choice"] == nil || fields["tool_choice"] == .string("none") else {
                throw .badRequest("tool_choice needs tools", param: "tool_choice")
            }
            return
        }
        guard (1...Self.mostTools).contains(tools.count) else {
            throw .badRequest("tools must have 1 to \(Self.mostTools) tools, not \(tools.count)", param: "tools")
        }
        try rules.requireTools(param: "tools")
        var names: [String] = []
        for (index, tool) in tools.enumerated() {
            let name = try Self.functionName(JSONFields(tool, path: "body.tools.\(index)"))
            guard !names.contains(name) else {
                throw .badRequest("tools has two functions called \(name)", param: "tools")
            }
            names.append(name)
        }
        descriptions = tools
        guard try Self.mayCall(fields) else { return }
        guard rules.template.toolFormat != nil else {
            throw .badRequest(
                "How this model writes calls of tools is not known here; tool_choice must be none", param: "tool_choice"
            )
        }
        use = ToolUse(functions: names, allowsSeveral: several)
    }

    private static func functionName(_ tool: JSONFields) throws(APIError) -> String {
        guard try tool.string("type") == "function", let function = try tool.fields("function") else {
            throw .malformed("\(tool.path) must be {\"type\": \"function\", \"function\": {…}}", param: tool.path)
        }
        guard let name = try function.string("name") else {
            throw .malformed("\(function.path).name is missing", param: "\(function.path).name")
        }
        guard isName(name) else {
            throw .badRequest(
                "The name of a function must be 1 to \(longestName) letters, digits, and any of -_.", param: "tools")
        }
        _ = try function.string("description")
        _ = try function.fields("parameters")
        return name
    }

    private static func isName(_ name: String) -> Bool {
        (1...longestName).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                48...57 ~= $0 || 65...90 ~= $0 || 97...122 ~= $0 || "-_.".utf8.contains($0)
            }
    }

    private static func mayCall(_ fields: JSONFields) throws(APIError) -> Bool {
        let name = "tool_choice"
        switch fields[name] {
        case nil, .string("auto"): return true
        case .string("none"): return false
        case .string("required"), .object:
            throw .badRequest("\(name) must be none or auto: a call cannot be forced yet", param: name)
        case .string: throw .badRequest("\(name) must be none or auto", param: name)
        case let node?: throw fields.wrongType(name, "a string or an object", node)
        }
    }
}

extension ChatRules {
    func requireTools(param: String) throws(APIError) {
        guard template.takesTools else {
            throw .badRequest("The chat template of \(modelName) takes no tools.", param: param)
        }
    }
}
