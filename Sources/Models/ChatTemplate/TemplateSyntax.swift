/// A parsed expression. Its depth is known, so that nothing that recurses over it can exhaust the stack.
struct TemplateExpression: Sendable {
    indirect enum Kind: Sendable {
        case literal(TemplateValue)
        case name(String)
        case list([TemplateExpression])
        case dictionary([(key: TemplateExpression, value: TemplateExpression)])
        case attribute(TemplateExpression, String)
        case item(TemplateExpression, TemplateExpression)
        case slice(TemplateExpression, start: TemplateExpression?, end: TemplateExpression?, step: TemplateExpression?)
        case call(TemplateExpression, TemplateArguments)
        case filter(TemplateExpression, String, TemplateArguments)
        case test(TemplateExpression, String, TemplateArguments)
        case negate(TemplateExpression)
        case not(TemplateExpression)
        case and(TemplateExpression, TemplateExpression)
        case or(TemplateExpression, TemplateExpression)
        case arithmetic(ArithmeticOperator, TemplateExpression, TemplateExpression)
        /// `a < b < c` compares neighbours.
        case comparison(TemplateExpression, [(ComparisonOperator, TemplateExpression)])
        case conditional(TemplateExpression, condition: TemplateExpression, otherwise: TemplateExpression?)
    }

    let kind: Kind
    let line: Int
    let depth: Int

    init(_ kind: Kind, line: Int) {
        self.kind = kind
        self.line = line
        depth = 1 + (kind.children.lazy.map(\.depth).max() ?? 0)
    }
}

enum ArithmeticOperator: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case remainder = "%"
    case power = "**"
    case concatenate = "~"
}

enum ComparisonOperator: String, Sendable {
    case equal = "=="
    case unequal = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case contained = "in"
    case notContained = "not in"
}

struct TemplateArguments: Sendable {
    var positional: [TemplateExpression] = []
    var named: [(name: String, value: TemplateExpression)] = []

    var all: [TemplateExpression] { positional + named.map(\.value) }
}

extension TemplateExpression.Kind {
    var children: [TemplateExpression] {
        switch self {
        case .literal, .name: []
        case .list(let items): items
        case .dictionary(let entries): entries.flatMap { [$0.key, $0.value] }
        case .attribute(let value, _), .negate(let value), .not(let value): [value]
        case .item(let left, let right), .and(let left, let right), .or(let left, let right),
            .arithmetic(_, let left, let right):
            [left, right]
        case .slice(let value, let start, let end, let step): [value] + [start, end, step].compactMap { $0 }
        case .call(let value, let arguments), .filter(let value, _, let arguments), .test(let value, _, let arguments):
            [value] + arguments.all
        case .comparison(let first, let rest): [first] + rest.map(\.1)
        case .conditional(let value, let condition, let otherwise):
            [value, condition] + [otherwise].compactMap { $0 }
        }
    }
}

indirect enum TemplateStatement: Sendable {
    case text(TemplateString)
    case output(TemplateExpression)
    case branch([(condition: TemplateExpression, body: [TemplateStatement])], otherwise: [TemplateStatement])
    case loop(TemplateLoop)
    case set([AssignmentTarget], TemplateExpression)
    case capture(AssignmentTarget, [TemplateStatement], line: Int)
    case macro(TemplateMacro)
    /// `{% generation %}`: marks the assistant's words for training, of no meaning here but its own scope.
    case scope([TemplateStatement])
    case `break`, `continue`
}

struct TemplateLoop: Sendable {
    var targets: [String]
    var sequence: TemplateExpression
    var condition: TemplateExpression?
    var body: [TemplateStatement]
    var otherwise: [TemplateStatement]
}

struct TemplateMacro: Sendable {
    var name: String
    var parameters: [(name: String, standard: TemplateExpression?)]
    var body: [TemplateStatement]
}

enum AssignmentTarget: Sendable {
    case name(String)
    /// `ns.name`, the only way out of a loop's scope.
    case member(namespace: String, name: String)
}
