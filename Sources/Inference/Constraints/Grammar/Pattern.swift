/// A language, as the readers of regular expressions, schemas and grammars write it down: the input of `GraphBuilder`.
indirect enum Pattern: Hashable, Sendable {
    /// The empty text.
    case empty
    case literal([UInt8])
    /// One scalar of a set, in UTF-8.
    case scalar(ScalarSet)
    case sequence([Pattern])
    /// One of several; of none, no text at all.
    case choice([Pattern])
    case repeated(Pattern, atLeast: Int, atMost: Int?)
    case list(SeparatedList)
    /// A rule of the grammar, by its number.
    case rule(Int)

    static func literal(_ text: String) -> Pattern { .literal(Array(text.utf8)) }
    static func optional(_ pattern: Pattern) -> Pattern { .repeated(pattern, atLeast: 0, atMost: 1) }
    static func any(of pattern: Pattern) -> Pattern { .repeated(pattern, atLeast: 0, atMost: nil) }
    static let nothing = Pattern.choice([])

    /// How many scalars its texts have, when its literals are not looked into; `most` is nil without a bound.
    ///
    /// Rules have none, because only flat patterns are asked.
    var length: (least: Int, most: Int?) {
        switch self {
        case .empty: (0, 0)
        case .literal(let bytes): (bytes.count, bytes.count)
        case .scalar: (1, 1)
        case .sequence(let parts):
            parts.map(\.length).reduce((0, 0)) { sum, part in
                (Self.capped(sum.least + part.least), Self.sum(sum.most, part.most))
            }
        case .choice(let parts):
            parts.map(\.length).reduce(nil as (least: Int, most: Int?)?) { all, part in
                guard let all else { return part }
                return (min(all.least, part.least), Self.greater(all.most, part.most))
            } ?? (0, 0)
        case .repeated(let part, let least, let most):
            (Self.capped(part.length.least, times: least), Self.product(part.length.most, most))
        case .list, .rule: (0, nil)
        }
    }

    private static let longest = 1 << 40

    private static func capped(_ value: Int, times factor: Int = 1) -> Int {
        let (product, overflows) = value.multipliedReportingOverflow(by: factor)
        return overflows ? longest : min(product, longest)
    }

    private static func sum(_ left: Int?, _ right: Int?) -> Int? {
        if let left, let right { capped(left + right) } else { nil }
    }

    private static func greater(_ left: Int?, _ right: Int?) -> Int? {
        if let left, let right { max(left, right) } else { nil }
    }

    private static func product(_ left: Int?, _ right: Int?) -> Int? {
        if left == 0 || right == 0 { return 0 }
        return if let left, let right { capped(left, times: right) } else { nil }
    }
}

/// Items in an order, with separators between those that are there, within a frame: the members of a JSON object, the
/// first items of an array.
///
/// A pattern of its own, because optional items with separators between them would have to be written out once for
/// each that may be the first.
struct SeparatedList: Hashable, Sendable {
    struct Item: Hashable, Sendable {
        let pattern: Pattern
        let isRequired: Bool
    }

    let items: [Item]
    /// May follow any number of times once the items are through.
    let rest: Pattern?
    /// What no item may be left out of: an optional item that is absent then ends the list.
    let isPositional: Bool
    let opening: Pattern
    let separator: Pattern
    let closing: Pattern
    /// Before each item, and before the closing when there was one.
    let space: Pattern
}
