import Inference
import Models
import Workers

/// The tools of a request: what the model is told of them, and whether its calls are taken out of the answer.
struct ToolFields {
    private(set) var descriptions: [JSONValue] = []
    /// Nil where no call may come.
    private(set) var use: ToolUse?
    /// What the answer must be where a call is forced.
    private(set) var constraint: OutputConstraint?

    private enum Choice {
        case none, automatic, required
        case function(String)
    }

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
        var forced: [(name: String, parameters: JSONObject)] = []
        guard (1...Self.mostTools).contains(tools.count) else {
            throw .badRequest("tools must have 1 to \(Self.mostTools) tools, not \(tools.count)", param: "tools")
        }
        try rules.requireTools(param: "tools")
        var functions: [(name: String, parameters: JSONObject)] = []
        for (index, tool) in tools.enumerated() {
            let function = try Self.function(JSONFields(tool, path: "body.tools.\(index)"))
            guard !functions.contains(where: { $0.name == function.name }) else {
                throw .badRequest("tools has two functions called \(function.name)", param: "tools")
            }
            functions.append(function)
        }
        descriptions = tools
        switch try Self.choice(fields) {
        case .none: return
        case .automatic: break
        case .required: forced = functions
        case .function(let name):
            forced = functions.filter { $0.name == name }
            guard !forced.isEmpty else {
                throw .badRequest("tool_choice names \(name.prefix(64)), which tools do not have", param: "tool_choice")
            }
        }
        guard let format = rules.template.toolFormat else {
            throw .badRequest(
                "How this model writes calls of tools is not known here; tool_choice must be none", param: "tool_choice"
            )
        }
        use = ToolUse(functions: functions.map(\.name), allowsSeveral: several)
        guard !forced.isEmpty else { return }
        // A named function is called once, as with OpenAI.
        constraint = ForcedCalls.constraint(
            format, functions: forced, allowsSeveral: several && forced.count == functions.count)
    }

    private static func function(
        _ tool: JSONFields
    ) throws(APIError) -> (name: String, parameters: JSONObject) {
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
        return (name, try parameters(of: function))
    }

    /// Arguments are an object, whether or not the schema says so.
    private static func parameters(of function: JSONFields) throws(APIError) -> JSONObject {
        switch function["parameters"] {
        case nil: return ["type": .string("object")]
        case .object(let schema):
            guard let type = schema["type"] else { return schema.adding("type", .string("object")) }
            guard type == .string("object") else {
                throw .badRequest("\(function.path).parameters must be the schema of an object", param: "tools")
            }
            return schema
        case let node?: throw function.wrongType("parameters", "an object", node)
        }
    }

    private static func isName(_ name: String) -> Bool {
        (1...longestName).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                48...57 ~= $0 || 65...90 ~= $0 || 97...122 ~= $0 || "-_.".utf8.contains($0)
            }
    }

    private static func choice(_ fields: JSONFields) throws(APIError) -> Choice {
        let name = "tool_choice"
        switch fields[name] {
        case nil, .string("auto"): return .automatic
        case .string("none"): return .none
        case .string("required"): return .required
        case .string: throw .badRequest("\(name) must be none, auto, required or a function", param: name)
        case .object(let choice):
            let choice = try JSONFields(.object(choice), path: "body.\(name)")
            guard try choice.string("type") == "function",
                let function = try choice.fields("function")?.string("name")
            else {
                throw .malformed(
                    "body.\(name) must be {\"type\": \"function\", \"function\": {\"name\": …}}", param: "body.\(name)")
            }
            return .function(function)
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
