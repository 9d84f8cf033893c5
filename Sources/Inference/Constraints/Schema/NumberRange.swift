/// What the keywords of several schemas leave of the numbers.
struct NumberRange {
    struct Limit {
        var value: Double
        var isExcluded: Bool
        var path: String
    }

    struct Step {
        let size: Int
        let path: String
    }

    private(set) var low: Limit?
    private(set) var high: Limit?
    private(set) var step: Step?

    var isBounded: Bool { low != nil || high != nil }

    var isEmpty: Bool {
        guard let low, let high else { return false }
        return low.value > high.value || low.value == high.value && (low.isExcluded || high.isExcluded)
    }

    mutating func narrow(by part: SchemaPart) throws(ConstraintError) {
        for (keyword, isExcluded) in [("minimum", false), ("exclusiveMinimum", true)] {
            guard let value = try part.number(keyword) else { continue }
            raise(to: Limit(value: value, isExcluded: isExcluded, path: part.at(keyword)))
        }
        for (keyword, isExcluded) in [("maximum", false), ("exclusiveMaximum", true)] {
            guard let value = try part.number(keyword) else { continue }
            lower(to: Limit(value: value, isExcluded: isExcluded, path: part.at(keyword)))
        }
        try narrow(byStepOf: part)
        try narrow(byFormatOf: part)
    }

    private mutating func raise(to limit: Limit) {
        if let low, (low.value, low.isExcluded ? 1 : 0) >= (limit.value, limit.isExcluded ? 1 : 0) { return }
        low = limit
    }

    private mutating func lower(to limit: Limit) {
        if let high, (high.value, high.isExcluded ? 0 : 1) <= (limit.value, limit.isExcluded ? 0 : 1) { return }
        high = limit
    }

    private mutating func narrow(byStepOf part: SchemaPart) throws(ConstraintError) {
        guard let size = try part.number("multipleOf") else { return }
        guard size > 0 else { throw part.wrong("multipleOf", "it must be more than 0") }
        guard size < 1e15, size.rounded() == size, step == nil || step?.size == Int(size) else {
            throw .unsupportedKeyword(
                "multipleOf", path: part.path, reason: "only one whole number can be kept exactly")
        }
        step = Step(size: Int(size), path: part.path)
    }

    private mutating func narrow(byFormatOf part: SchemaPart) throws(ConstraintError) {
        guard let format = try part.string("format") else { return }
        if format == "int32" {
            raise(to: Limit(value: -0x8000_0000, isExcluded: false, path: part.at("format")))
            lower(to: Limit(value: 0x7FFF_FFFF, isExcluded: false, path: part.at("format")))
        } else if !StringFormat.ofNumbers.contains(format), StringFormat.expressions[format] == nil {
            throw .unsupportedKeyword("format", path: part.path, reason: "\"\(format.prefix(40))\" is not known")
        }
    }

    /// Nil without a bound.
    var lowestInteger: Int? {
        low.map { limit in
            let whole = limit.value.rounded(.up)
            return Self.integer(limit.isExcluded && whole == limit.value ? whole + 1 : whole)
        }
    }

    var highestInteger: Int? {
        high.map { limit in
            let whole = limit.value.rounded(.down)
            return Self.integer(limit.isExcluded && whole == limit.value ? whole - 1 : whole)
        }
    }

    /// What lies further out cannot be written anyway.
    private static func integer(_ value: Double) -> Int { Int(max(min(value, 2e15), -2e15)) }

    func bound(_ limit: Limit?) throws(ConstraintError) -> (isNegative: Bool, DecimalRange.Bound)? {
        guard let limit else { return nil }
        guard let bound = DecimalRange.Bound(magnitudeOf: limit.value, isExcluded: limit.isExcluded) else {
            throw .malformedSchema(path: limit.path, reason: "the bound of a number may have at most 13 digits")
        }
        return (limit.value < 0, bound)
    }
}
