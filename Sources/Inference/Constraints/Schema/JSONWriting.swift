/// The rules of JSON that schemas share, in one style of writing; each is made when it is first needed.
struct JSONWriting {
    private enum Shared: Hashable { case string, integer, number, space, value, object }

    var table: RuleTable
    private let whitespace: Pattern
    private var shared: [Shared: Pattern] = [:]

    init(_ style: OutputConstraint.JSONStyle, table: RuleTable) throws(ConstraintError) {
        self.table = table
        switch style.whitespace {
        case .flexible: whitespace = JSONPatterns.space
        case .none: whitespace = .empty
        case .pattern(let regex):
            whitespace = try RegexParser.wholeText(regex)
            guard whitespace.isWithin(ScalarSet(of: " \t\n\r")) else {
                throw .malformedRegex(position: 0, reason: "white space may only be spaces, tabs and line breaks")
            }
        }
        isFlexible = style.whitespace == .flexible
    }

    private let isFlexible: Bool

    private mutating func rule(_ name: Shared, _ pattern: Pattern) throws(ConstraintError) -> Pattern {
        if let known = shared[name] { return known }
        let rule = try table.add(pattern)
        shared[name] = rule
        return rule
    }

    mutating func string() throws(ConstraintError) -> Pattern { try rule(.string, JSONPatterns.string) }
    mutating func integer() throws(ConstraintError) -> Pattern { try rule(.integer, JSONPatterns.integer) }
    mutating func number() throws(ConstraintError) -> Pattern { try rule(.number, JSONPatterns.number) }

    /// Between brackets or commas and what follows or precedes them.
    mutating func space() throws(ConstraintError) -> Pattern {
        whitespace == .empty ? .empty : try rule(.space, whitespace)
    }

    /// After a colon no line break is written.
    private func colon() -> Pattern {
        isFlexible ? .sequence([.literal(":"), .optional(.literal(" "))]) : .sequence([.literal(":"), whitespace])
    }

    func member(_ key: Pattern, _ value: Pattern) -> Pattern { .sequence([key, colon(), value]) }

    mutating func list(
        _ brackets: (String, String), _ items: [SeparatedList.Item], rest: Pattern?, isPositional: Bool = false
    ) throws(ConstraintError) -> Pattern {
        .list(
            SeparatedList(
                items: items, rest: rest, isPositional: isPositional, opening: .literal(brackets.0),
                separator: .literal(","), closing: .literal(brackets.1), space: try space()))
    }

    /// Any value at all, nested as deep as frames allow.
    mutating func value() throws(ConstraintError) -> Pattern {
        if let known = shared[.value] { return known }
        let number = try table.reserve()
        shared[.value] = .rule(number)
        table.set(
            number,
            .choice([
                try string(), try self.number(), JSONPatterns.boolean, JSONPatterns.null,
                try list(("[", "]"), [], rest: .rule(number)),
                try list(("{", "}"), [], rest: member(try string(), .rule(number))),
            ]))
        return .rule(number)
    }

    mutating func anyObject() throws(ConstraintError) -> Pattern {
        let value = try value()
        return try rule(.object, try list(("{", "}"), [], rest: member(try string(), value)))
    }
}

extension Pattern {
    /// Whether its texts have no scalars outside of `set`.
    fileprivate func isWithin(_ set: ScalarSet) -> Bool {
        switch self {
        case .empty: true
        case .literal(let bytes): bytes.allSatisfy { $0 < 0x80 && set.contains(Unicode.Scalar($0)) }
        case .scalar(let scalars): scalars.subtracting(set).isEmpty
        case .sequence(let parts), .choice(let parts): parts.allSatisfy { $0.isWithin(set) }
        case .repeated(let part, _, _): part.isWithin(set)
        case .list, .rule: false
        }
    }
}
