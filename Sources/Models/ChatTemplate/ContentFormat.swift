/// How a template wants the content of messages.
enum ContentFormat: Sendable, Equatable {
    /// One string; images are markers in it.
    case string
    /// A list of parts, `{"type": "text", "text": …}` and `{"type": "image"}`.
    case parts

    /// A template that loops over something called `content` (a member, an item, a variable or a macro's parameter),
    /// or over a variable that was set to such, wants parts.
    init(of statements: [TemplateStatement]) {
        var names: Set<String> = ["content"]
        self = Self.loopsOverContent(statements, &names) ? .parts : .string
    }

    private static func loopsOverContent(_ statements: [TemplateStatement], _ names: inout Set<String>) -> Bool {
        for statement in statements {
            switch statement {
            case .text, .output, .break, .continue: break
            case .set(let targets, let value):
                if case .name(let name)? = targets.first, isContent(value, names) { names.insert(name) }
            case .loop(let loop):
                if isContent(loop.sequence, names) || loopsOverContent(loop.body, &names) { return true }
            case .branch(let branches, let otherwise):
                for branch in branches where loopsOverContent(branch.body, &names) { return true }
                if loopsOverContent(otherwise, &names) { return true }
            case .capture(_, let body, _), .scope(let body):
                if loopsOverContent(body, &names) { return true }
            case .macro(let macro):
                if loopsOverContent(macro.body, &names) { return true }
            }
        }
        return false
    }

    private static func isContent(_ expression: TemplateExpression, _ names: Set<String>) -> Bool {
        switch expression.kind {
        case .name(let name): return names.contains(name)
        case .attribute(_, let name): return name == "content"
        case .item(_, let index):
            guard case .literal(.string(let key)) = index.kind else { return false }
            return key.plain == "content"
        case .filter(let value, _, _): return isContent(value, names)
        case .conditional(let value, _, let otherwise):
            return isContent(value, names) || otherwise.map { isContent($0, names) } ?? false
        default: return false
        }
    }
}
