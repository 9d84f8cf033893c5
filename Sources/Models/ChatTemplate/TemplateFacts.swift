/// What a request can ask of a chat template.
public struct TemplateFacts: Sendable, Hashable {
    /// Names that the template reads, those that it sets itself among them.
    public var names: Set<String>
    /// How the model calls tools; nil when the template shows it none, or in a way that is not known.
    public var toolFormat: ToolFormat?

    public init(names: Set<String> = [], toolFormat: ToolFormat? = nil) {
        self.names = names
        self.toolFormat = toolFormat
    }

    public var takesTools: Bool { names.contains("tools") }

    /// Whether `name` is one that no request may set: what a template is given otherwise, and functions of the language.
    public static func isReserved(_ name: String) -> Bool {
        given.contains(name) || TemplateFunction(rawValue: name) != nil
    }

    private static let given: Set = [
        "messages", "tools", "add_generation_prompt", "continue_final_message", "chat_template", "tokenize", "loop",
    ]

    init(_ statements: [TemplateStatement], source: String) {
        names = []
        for statement in statements { statement.addNames(to: &names) }
        if takesTools { toolFormat = ToolFormat(source: source) }
    }
}

extension TemplateStatement {
    fileprivate func addNames(to names: inout Set<String>) {
        switch self {
        case .text, .break, .continue: break
        case .output(let value), .set(_, let value): value.addNames(to: &names)
        case .branch(let branches, let otherwise):
            for branch in branches {
                branch.condition.addNames(to: &names)
                for statement in branch.body { statement.addNames(to: &names) }
            }
            for statement in otherwise { statement.addNames(to: &names) }
        case .loop(let loop):
            loop.sequence.addNames(to: &names)
            loop.condition?.addNames(to: &names)
            for statement in loop.body + loop.otherwise { statement.addNames(to: &names) }
        case .capture(_, let body, _), .scope(let body):
            for statement in body { statement.addNames(to: &names) }
        case .macro(let macro):
            for parameter in macro.parameters { parameter.standard?.addNames(to: &names) }
            for statement in macro.body { statement.addNames(to: &names) }
        }
    }
}

extension TemplateExpression {
    fileprivate func addNames(to names: inout Set<String>) {
        if case .name(let name) = kind { names.insert(name) }
        for child in kind.children { child.addNames(to: &names) }
    }
}
