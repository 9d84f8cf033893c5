/// Puts the parts of an output constraint together as rules of one grammar.
enum ConstraintRules {
    static func rules(of constraint: OutputConstraint) throws(ConstraintError) -> [Pattern] {
        var table = RuleTable()
        let root = try pattern(of: constraint, depth: 0, table: &table)
        return table.finished(root: root)
    }

    private static func pattern(
        of constraint: OutputConstraint, depth: Int, table: inout RuleTable
    ) throws(ConstraintError) -> Pattern {
        guard depth < ConstraintLimits.nesting else {
            throw .tooLarge(what: "constraints within constraints", limit: ConstraintLimits.nesting)
        }
        switch constraint {
        case .jsonSchema(let schema, let style): return try SchemaCompiler.pattern(of: schema, style, table: &table)
        case .jsonObject(let style):
            var writing = try JSONWriting(style, table: table)
            let object = try writing.anyObject()
            table = writing.table
            return object
        case .regex(let regex): return try RegexParser.wholeText(regex)
        case .choice(let texts): return try choice(of: texts)
        case .grammar(let grammar): return try table.add(grammar: GrammarParser.rules(of: grammar))
        case .literal(let text): return .literal(text)
        case .sequence(let parts): return .sequence(try patterns(of: parts, depth, &table))
        case .anyOf(let parts): return .choice(try patterns(of: parts, depth, &table))
        case .repeated(let part, let separator, let most):
            let one = try table.add(try pattern(of: part, depth: depth + 1, table: &table))
            let others = Pattern.sequence([.literal(separator), one])
            return .sequence([one, .repeated(others, atLeast: 0, atMost: max(most - 1, 0))])
        }
    }

    private static func patterns(
        of parts: [OutputConstraint], _ depth: Int, _ table: inout RuleTable
    ) throws(ConstraintError) -> [Pattern] {
        var patterns: [Pattern] = []
        for part in parts { patterns.append(try pattern(of: part, depth: depth + 1, table: &table)) }
        return patterns
    }

    private static func choice(of texts: [String]) throws(ConstraintError) -> Pattern {
        guard !texts.isEmpty else { throw .malformedChoice(reason: "it is empty") }
        guard texts.reduce(0, { $0 + $1.utf8.count + 1 }) <= ConstraintLimits.choiceBytes else {
            throw .tooLarge(what: "bytes of a choice", limit: ConstraintLimits.choiceBytes)
        }
        return .choice(texts.map { .literal($0) })
    }
}
