/// Builds statements from tokens. Expressions are in ExpressionParser.swift.
struct TemplateParser {
    private let tokens: [TemplateToken]
    private var position = 0
    private(set) var nesting = 0
    let limits: TemplateLimits

    static func parse(_ source: String, limits: TemplateLimits) throws(TemplateError) -> [TemplateStatement] {
        let length = source.unicodeScalars.count
        guard length <= limits.sourceLength else {
            throw .limit(line: 1, what: "characters of source", limit: limits.sourceLength)
        }
        var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: source), limits: limits)
        let statements = try parser.statements(until: [])
        return statements
    }

    private init(tokens: [TemplateToken], limits: TemplateLimits) {
        self.tokens = tokens
        self.limits = limits
    }

    // MARK: Tokens

    var current: TemplateToken { tokens[position] }

    func isSymbol(_ symbol: String) -> Bool { current.kind == .symbol(symbol) }
    func isName(_ name: String) -> Bool { current.kind == .name(name) }

    func nextIsSymbol(_ symbol: String) -> Bool {
        position + 1 < tokens.count && tokens[position + 1].kind == .symbol(symbol)
    }

    func nextIsName(_ name: String) -> Bool {
        position + 1 < tokens.count && tokens[position + 1].kind == .name(name)
    }

    mutating func skip() { position = min(position + 1, tokens.count - 1) }

    mutating func take(_ kind: TemplateToken.Kind) -> Bool {
        guard current.kind == kind else { return false }
        skip()
        return true
    }

    mutating func expect(_ kind: TemplateToken.Kind, _ what: String) throws(TemplateError) {
        guard take(kind) else { throw .syntax(line: current.line, reason: "expected \(what)") }
    }

    mutating func name() throws(TemplateError) -> String {
        guard case .name(let name) = current.kind else {
            throw .syntax(line: current.line, reason: "expected a name")
        }
        skip()
        return name
    }

    /// Runs `body` one level deeper.
    mutating func nested<Result>(
        _ body: (inout TemplateParser) throws(TemplateError) -> Result
    ) throws(TemplateError) -> Result {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= limits.depth else {
            throw .limit(line: current.line, what: "levels of nesting", limit: limits.depth)
        }
        return try body(&self)
    }

    // MARK: Statements

    /// Statements up to a block tag that opens with one of `ends`, whose name is left to read.
    private mutating func statements(until ends: [String]) throws(TemplateError) -> [TemplateStatement] {
        var result: [TemplateStatement] = []
        while true {
            let token = current
            switch token.kind {
            case .text(let scalars):
                skip()
                result.append(.text(TemplateString(scalars: scalars, isTrusted: true)))
            case .outputStart:
                skip()
                result.append(.output(try tuple()))
                try expect(.outputEnd, "}}")
            case .blockStart:
                skip()
                if case .name(let name) = current.kind, ends.contains(name) { return result }
                result.append(try nested { (parser) throws(TemplateError) in try parser.block() })
            case .end:
                guard ends.isEmpty else {
                    throw .syntax(line: token.line, reason: "expected \(ends.joined(separator: " or "))")
                }
                return result
            default:
                throw .syntax(line: token.line, reason: "an unexpected token")
            }
        }
    }

    private mutating func body(until end: String) throws(TemplateError) -> [TemplateStatement] {
        try expect(.blockEnd, "%}")
        let body = try statements(until: [end])
        skip()
        try expect(.blockEnd, "%}")
        return body
    }

    private mutating func block() throws(TemplateError) -> TemplateStatement {
        let line = current.line
        let tag = try name()
        switch tag {
        case "if": return try branch()
        case "for": return try loop()
        case "set": return try assignment()
        case "macro": return try macro()
        case "generation": return .scope(try body(until: "endgeneration"))
        case "break", "continue":
            try expect(.blockEnd, "%}")
            return tag == "break" ? .break : .continue
        default: throw .unsupported(line: line, feature: "the tag \(tag)")
        }
    }

    private mutating func branch() throws(TemplateError) -> TemplateStatement {
        var branches: [(condition: TemplateExpression, body: [TemplateStatement])] = []
        var otherwise: [TemplateStatement] = []
        var tag = "elif"
        while tag == "elif" {
            let condition = try tuple()
            try expect(.blockEnd, "%}")
            branches.append((condition, try statements(until: ["elif", "else", "endif"])))
            tag = try name()
        }
        if tag == "else" {
            try expect(.blockEnd, "%}")
            otherwise = try statements(until: ["endif"])
            skip()
        }
        try expect(.blockEnd, "%}")
        return .branch(branches, otherwise: otherwise)
    }

    private mutating func loop() throws(TemplateError) -> TemplateStatement {
        var targets = [try name()]
        while take(.symbol(",")) { targets.append(try name()) }
        try expect(.name("in"), "in")
        let sequence = try disjunction()
        let condition = take(.name("if")) ? try expression() : nil
        if isName("recursive") { throw .unsupported(line: current.line, feature: "a recursive loop") }
        try expect(.blockEnd, "%}")
        let body = try statements(until: ["else", "endfor"])
        var otherwise: [TemplateStatement] = []
        if try name() == "else" {
            try expect(.blockEnd, "%}")
            otherwise = try statements(until: ["endfor"])
            skip()
        }
        try expect(.blockEnd, "%}")
        return .loop(
            TemplateLoop(targets: targets, sequence: sequence, condition: condition, body: body, otherwise: otherwise))
    }

    private mutating func assignment() throws(TemplateError) -> TemplateStatement {
        let line = current.line
        var targets = [try target()]
        while take(.symbol(",")) { targets.append(try target()) }
        if take(.symbol("=")) {
            let value = try tuple()
            try expect(.blockEnd, "%}")
            return .set(targets, value)
        }
        guard targets.count == 1, current.kind == .blockEnd else {
            throw .syntax(line: line, reason: "set needs = and a value")
        }
        return .capture(targets[0], try body(until: "endset"), line: line)
    }

    private mutating func target() throws(TemplateError) -> AssignmentTarget {
        let first = try name()
        return take(.symbol(".")) ? .member(namespace: first, name: try name()) : .name(first)
    }

    private mutating func macro() throws(TemplateError) -> TemplateStatement {
        let macroName = try name()
        var parameters: [(name: String, standard: TemplateExpression?)] = []
        try expect(.symbol("("), "(")
        while !isSymbol(")") {
            let parameter = try name()
            parameters.append((parameter, take(.symbol("=")) ? try expression() : nil))
            if !take(.symbol(",")) { break }
        }
        try expect(.symbol(")"), ")")
        return .macro(TemplateMacro(name: macroName, parameters: parameters, body: try body(until: "endmacro")))
    }
}
