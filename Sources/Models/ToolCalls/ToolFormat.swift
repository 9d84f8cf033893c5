/// How a model writes that it calls a tool.
public enum ToolFormat: Sendable, Hashable {
    /// `<tool_call>{"name": …, "arguments": {…}}</tool_call>` among other text (Nous Hermes, Qwen).
    case hermes
    /// An answer that is nothing but `{"name": …, "parameters": {…}}`, several of them with semicolons between (Llama 3).
    case llama

    /// The format that a template's own text shows; nil where it shows neither.
    init?(source: String) {
        if source.contains("<tool_call>") {
            // Qwen3-Coder's tags have XML in them.
            if source.contains("<function=") { return nil }
            self = .hermes
        } else if source.contains("ipython") || source.contains("<|python_tag|>") {
            self = .llama
        } else {
            return nil
        }
    }
}
