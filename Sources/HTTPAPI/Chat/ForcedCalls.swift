import Inference
import Models

/// What an answer must be in which a call of a tool is forced: calls in the model's own format and nothing else.
enum ForcedCalls {
    /// Most calls in one answer, where several may be.
    private static let mostCalls = 16

    /// - Parameter functions: names and parameters' schemas of those that may be called.
    static func constraint(
        _ format: ToolFormat, functions: [(name: String, parameters: JSONObject)], allowsSeveral: Bool
    ) -> OutputConstraint {
        let calls = functions.map { name, parameters -> OutputConstraint in
            let (before, key, after) =
                switch format {
                case .hermes: ("<tool_call>\n", "arguments", "\n</tool_call>")
                case .llama: ("", "parameters", "")
                }
            return .sequence([
                .literal(#"\#(before){"name": "\#(name)", "\#(key)": "#),
                .jsonSchema(JSONValue.object(parameters).text), .literal("}\(after)"),
            ])
        }
        return .repeated(
            .anyOf(calls), separator: format == .hermes ? "\n" : "; ", atMost: allowsSeveral ? mostCalls : 1)
    }
}
