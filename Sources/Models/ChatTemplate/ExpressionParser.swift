/// Expressions, from the loosest binding to the tightest, as Jinja 3.1 ranks them.
extension TemplateParser {
    private func node(_ kind: TemplateExpression.Kind, _ line: Int) throws(TemplateError) -> TemplateExpression {
        let expression = TemplateExpression(kind, line: line)
        guard expression.depth <= limits.depth else {
            throw .limit(line: line, what: "levels of nesting", limit: limits.depth)
        }
        return expression
    }

    /// One expression, or several with commas between, which make a list.
    mutating func tuple() throws(TemplateError) -> TemplateExpression {
        let line = current.line
        let first = try expression()
        guard isSymbol(",") else { return first }
        var items = [first]
        while take(.symbol(",")), !endsTuple { items.append(try expression()) }
        return try node(.list(items), line)
    }

    private var endsTuple: Bool {
        switch current.kind {
        case .blockEnd, .outputEnd, .symbol(")"): true
        default: false
        }
    }

    /// `value if condition else other`
    mutating func expression() throws(TemplateError) -> TemplateExpression {
        try nested { (parser) throws(TemplateError) in
            let line = parser.current.line
            var value = try parser.disjunction()
            while parser.take(.name("if")) {
                let condition = try parser.disjunction()
                let otherwise = parser.take(.name("else")) ? try parser.expression() : nil
                value = try parser.node(.conditional(value, condition: condition, otherwise: otherwise), line)
            }
            return value
        }
    }

    mutating func disjunction() throws(TemplateError) -> TemplateExpression {
        var left = try conjunction()
        while isName("or") {
            let line = current.line
            skip()
            left = try node(.or(left, try conjunction()), line)
        }
        return left
    }

    private mutating func conjunction() throws(TemplateError) -> TemplateExpression {
        var left = try negation()
        while isName("and") {
            let line = current.line
            skip()
            left = try node(.and(left, try negation()), line)
        }
        return left
    }

    private mutating func negation() throws(TemplateError) -> TemplateExpression {
        guard isName("not") else { return try comparison() }
        let line = current.line
        skip()
        return try nested { (parser) throws(TemplateError) in
            try parser.node(.not(try parser.negation()), line)
        }
    }

    private mutating func comparison() throws(TemplateError) -> TemplateExpression {
        let line = current.line
        let first = try sum()
        var rest: [(ComparisonOperator, TemplateExpression)] = []
        while let comparison = comparisonOperator() {
            skip()
            if comparison == .notContained { skip() }
            rest.append((comparison, try sum()))
        }
        return rest.isEmpty ? first : try node(.comparison(first, rest), line)
    }

    private func comparisonOperator() -> ComparisonOperator? {
        switch current.kind {
        case .symbol(let symbol): ComparisonOperator(rawValue: symbol)
        case .name("in"): .contained
        case .name("not") where nextIsName("in"): .notContained
        default: nil
        }
    }

    private mutating func sum() throws(TemplateError) -> TemplateExpression {
        try chain([.add, .subtract]) { (parser) throws(TemplateError) in
            try parser.chain([.concatenate]) { (parser) throws(TemplateError) in
                try parser.chain([.multiply, .divide, .floorDivide, .remainder]) { (parser) throws(TemplateError) in
                    try parser.chain([.power]) { (parser) throws(TemplateError) in try parser.sign() }
                }
            }
        }
    }

    /// Operands of one rank, grouped from the left.
    private mutating func chain(
        _ operators: [ArithmeticOperator],
        _ operand: (inout TemplateParser) throws(TemplateError) -> TemplateExpression
    ) throws(TemplateError) -> TemplateExpression {
        var left = try operand(&self)
        while case .symbol(let symbol) = current.kind, let found = ArithmeticOperator(rawValue: symbol),
            operators.contains(found)
        {
            let line = current.line
            skip()
            left = try node(.arithmetic(found, left, try operand(&self)), line)
        }
        return left
    }

    /// A filter after `-x` applies to all of it, a member access before.
    private mutating func sign() throws(TemplateError) -> TemplateExpression {
        try filtered(try signed())
    }

    private mutating func signed() throws(TemplateError) -> TemplateExpression {
        let line = current.line
        guard isSymbol("-") || isSymbol("+") else { return try accessed(try primary()) }
        let negates = isSymbol("-")
        skip()
        return try nested { (parser) throws(TemplateError) in
            let value = try parser.signed()
            return negates ? try parser.node(.negate(value), line) : value
        }
    }

    private mutating func primary() throws(TemplateError) -> TemplateExpression {
        let token = current
        skip()
        switch token.kind {
        case .name(let name):
            return try node(constant(name).map(TemplateExpression.Kind.literal) ?? .name(name), token.line)
        case .string(let scalars):
            var text = scalars
            while case .string(let more) = current.kind {
                text += more
                skip()
            }
            return try node(.literal(.string(TemplateString(scalars: text, isTrusted: true))), token.line)
        case .integer(let value): return try node(.literal(.integer(value)), token.line)
        case .number(let value): return try node(.literal(.number(value)), token.line)
        case .symbol("("):
            if take(.symbol(")")) { return try node(.list([]), token.line) }
            let value = try tuple()
            try expect(.symbol(")"), ")")
            return value
        case .symbol("["): return try node(.list(try items(until: "]")), token.line)
        case .symbol("{"): return try dictionary(token.line)
        default: throw .syntax(line: token.line, reason: "expected an expression")
        }
    }

    private func constant(_ name: String) -> TemplateValue? {
        switch name {
        case "true", "True": .boolean(true)
        case "false", "False": .boolean(false)
        case "none", "None": TemplateValue.none
        default: nil
        }
    }

    private mutating func items(until end: String) throws(TemplateError) -> [TemplateExpression] {
        var items: [TemplateExpression] = []
        while !isSymbol(end) {
            items.append(try expression())
            if !take(.symbol(",")) { break }
        }
        try expect(.symbol(end), end)
        return items
    }

    private mutating func dictionary(_ line: Int) throws(TemplateError) -> TemplateExpression {
        var entries: [(key: TemplateExpression, value: TemplateExpression)] = []
        while !isSymbol("}") {
            let key = try expression()
            try expect(.symbol(":"), ":")
            entries.append((key, try expression()))
            if !take(.symbol(",")) { break }
        }
        try expect(.symbol("}"), "}")
        return try node(.dictionary(entries), line)
    }

    /// Members, items, slices and calls.
    private mutating func accessed(_ value: TemplateExpression) throws(TemplateError) -> TemplateExpression {
        var value = value
        while true {
            let line = current.line
            if take(.symbol(".")) {
                if case .integer(let index) = current.kind {
                    skip()
                    value = try node(.item(value, try node(.literal(.integer(index)), line)), line)
                } else {
                    value = try node(.attribute(value, try name()), line)
                }
            } else if take(.symbol("[")) {
                value = try subscripted(value, line)
            } else if isSymbol("(") {
                value = try node(.call(value, try arguments()), line)
            } else {
                return value
            }
        }
    }

    private mutating func subscripted(
        _ value: TemplateExpression, _ line: Int
    ) throws(TemplateError) -> TemplateExpression {
        var bounds: [TemplateExpression?] = [nil]
        while !isSymbol("]") {
            if take(.symbol(":")) {
                bounds.append(nil)
            } else {
                bounds[bounds.count - 1] = try expression()
                guard isSymbol(":") || isSymbol("]") else { break }
            }
        }
        try expect(.symbol("]"), "]")
        switch bounds.count {
        case 1:
            guard let index = bounds[0] else { throw .syntax(line: line, reason: "expected an index") }
            return try node(.item(value, index), line)
        case 2, 3:
            return try node(
                .slice(value, start: bounds[0], end: bounds[1], step: bounds.count == 3 ? bounds[2] : nil), line)
        default: throw .syntax(line: line, reason: "a slice has at most three bounds")
        }
    }

    private mutating func arguments() throws(TemplateError) -> TemplateArguments {
        var arguments = TemplateArguments()
        try expect(.symbol("("), "(")
        while !isSymbol(")") {
            if case .name(let name) = current.kind, nextIsSymbol("=") {
                skip()
                skip()
                arguments.named.append((name, try expression()))
            } else {
                if isSymbol("*") || isSymbol("**") {
                    throw .unsupported(line: current.line, feature: "argument unpacking")
                }
                arguments.positional.append(try expression())
            }
            if !take(.symbol(",")) { break }
        }
        try expect(.symbol(")"), ")")
        return arguments
    }

    /// `| filter` and `is test`
    private mutating func filtered(_ value: TemplateExpression) throws(TemplateError) -> TemplateExpression {
        var value = value
        while true {
            let line = current.line
            if take(.symbol("|")) {
                let filter = try name()
                value = try node(.filter(value, filter, isSymbol("(") ? try arguments() : TemplateArguments()), line)
            } else if take(.name("is")) {
                let isNegated = take(.name("not"))
                let test = try name()
                let found = try node(.test(value, test, try testArguments()), line)
                value = isNegated ? try node(.not(found), line) : found
            } else {
                return value
            }
        }
    }

    /// `is divisibleby(3)` and `is divisibleby 3` are the same.
    private mutating func testArguments() throws(TemplateError) -> TemplateArguments {
        if isSymbol("(") { return try arguments() }
        switch current.kind {
        case .name(let name) where !["else", "or", "and", "is", "if", "not", "in"].contains(name): break
        case .string, .integer, .number, .symbol("["), .symbol("{"): break
        default: return TemplateArguments()
        }
        return TemplateArguments(positional: [
            try nested { (parser) throws(TemplateError) in try parser.accessed(try parser.primary()) }
        ])
    }
}
