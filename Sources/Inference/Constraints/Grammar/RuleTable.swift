/// The rules of a grammar in the making; the first is the whole text.
struct RuleTable {
    private var patterns: [Pattern?] = [nil]

    /// A number for a rule that is given its pattern later.
    mutating func reserve() throws(ConstraintError) -> Int {
        guard patterns.count < ConstraintLimits.rules else {
            throw .tooLarge(what: "parts that are referred to", limit: ConstraintLimits.rules)
        }
        patterns.append(nil)
        return patterns.count - 1
    }

    mutating func set(_ number: Int, _ pattern: Pattern) { patterns[number] = pattern }

    mutating func add(_ pattern: Pattern) throws(ConstraintError) -> Pattern {
        let number = try reserve()
        patterns[number] = pattern
        return .rule(number)
    }

    /// Adds the rules of another grammar; gives its first.
    mutating func add(grammar: [Pattern]) throws(ConstraintError) -> Pattern {
        let first = patterns.count
        for pattern in grammar { _ = try add(pattern.withRules(shiftedBy: first)) }
        return .rule(first)
    }

    /// All rules; `root` becomes the first.
    func finished(root: Pattern) -> [Pattern] { [root] + patterns.dropFirst().map { $0 ?? .nothing } }
}

extension Pattern {
    fileprivate func withRules(shiftedBy first: Int) -> Pattern {
        switch self {
        case .empty, .literal, .scalar, .list: self
        case .rule(let number): .rule(number + first)
        case .sequence(let parts): .sequence(parts.map { $0.withRules(shiftedBy: first) })
        case .choice(let parts): .choice(parts.map { $0.withRules(shiftedBy: first) })
        case .repeated(let part, let least, let most):
            .repeated(part.withRules(shiftedBy: first), atLeast: least, atMost: most)
        }
    }
}
