/// The decimal numbers between two bounds, as patterns over their digits.
///
/// What is written has at most `fractionDigits` digits after the point (or a few more than the bounds have) and no
/// exponent, so that every reader of doubles puts it on the same side of the bounds.
struct DecimalRange {
    /// A bound's magnitude.
    struct Bound {
        var whole: Int
        /// Digits after the point, the last of which is not 0.
        var fraction: [Int]
        var isExcluded: Bool
    }

    static let largest = 999_999_999_999_999
    private static let fractionDigits = 6
    private static let mostDigits = 15

    // MARK: Integers

    /// The integers from `low` to `high`; what has no bound has at most 15 digits.
    static func integers(from low: Int?, to high: Int?) -> Pattern {
        let low = max(low ?? -largest, -largest), high = min(high ?? largest, largest)
        guard low <= high else { return .nothing }
        var parts: [Pattern] = []
        if low < 0 { parts.append(.sequence([.literal("-"), magnitudes(from: max(-high, 1), to: -low)])) }
        if high >= 0 { parts.append(magnitudes(from: max(low, 0), to: high)) }
        return .choice(parts)
    }

    /// 0 ≤ low; nothing if high < low.
    private static func magnitudes(from low: Int, to high: Int) -> Pattern {
        guard low <= high else { return .nothing }
        var parts: [Pattern] = []
        var first = 0, power = 10
        while first <= high {
            let last = power - 1
            if low <= last { parts.append(between(digits(max(low, first)), digits(min(high, last)))) }
            first = power
            power *= 10
        }
        return .choice(parts)
    }

    private static func digits(_ value: Int) -> [Int] { String(value).compactMap(\.wholeNumberValue) }

    private static func digit(_ range: ClosedRange<Int>) -> Pattern {
        .scalar(ScalarSet([48 + UInt32(range.lowerBound)...48 + UInt32(range.upperBound)]))
    }

    private static func anyDigits(_ count: Int) -> Pattern {
        .repeated(digit(0...9), atLeast: count, atMost: count)
    }

    /// Digit strings of one length, from `low` to `high`.
    private static func between(_ low: [Int], _ high: [Int]) -> Pattern {
        guard let first = low.first, let last = high.first else { return .empty }
        let rest = Array(low.dropFirst()), highRest = Array(high.dropFirst())
        if first == last { return .sequence([digit(first...first), between(rest, highRest)]) }
        let nines = [Int](repeating: 9, count: rest.count), zeros = [Int](repeating: 0, count: rest.count)
        var parts: [Pattern] = []
        let from = rest == zeros ? first : first + 1, to = highRest == nines ? last : last - 1
        if from > first { parts.append(.sequence([digit(first...first), between(rest, nines)])) }
        if from <= to { parts.append(.sequence([digit(from...to), anyDigits(rest.count)])) }
        if to < last { parts.append(.sequence([digit(last...last), between(zeros, highRest)])) }
        return .choice(parts)
    }

    // MARK: Fractions

    /// The numbers between two bounds of which at least one is there.
    static func numbers(from low: (isNegative: Bool, Bound)?, to high: (isNegative: Bool, Bound)?) -> Pattern {
        let zero = Bound(whole: 0, fraction: [], isExcluded: false)
        let aboveZero = Bound(whole: 0, fraction: [], isExcluded: true)
        var parts: [Pattern] = []
        if low.map({ $0.isNegative }) ?? true {
            let nearest = high.map { $0.isNegative ? $0.1 : aboveZero } ?? aboveZero
            parts.append(.sequence([.literal("-"), magnitudes(from: nearest, to: low?.1)]))
        }
        if !(high?.isNegative ?? false) {
            let nearest = low.map { $0.isNegative ? zero : $0.1 } ?? zero
            parts.append(magnitudes(from: nearest, to: high?.1))
        }
        return .choice(parts)
    }

    private static func magnitudes(from low: Bound, to high: Bound?) -> Pattern {
        guard let high else {
            let most = max(999_999_999, low.whole < largest / 1000 ? low.whole * 1000 : largest)
            return .choice([
                .sequence([whole(low.whole), fraction(atLeast: low)]),
                .sequence([magnitudes(from: low.whole + 1, to: most), anyFraction]),
            ])
        }
        if low.whole > high.whole { return .nothing }
        if low.whole == high.whole { return .sequence([whole(low.whole), fraction(from: low, to: high)]) }
        return .choice([
            .sequence([whole(low.whole), fraction(atLeast: low)]),
            .sequence([magnitudes(from: low.whole + 1, to: high.whole - 1), anyFraction]),
            .sequence([whole(high.whole), fraction(atMost: high)]),
        ])
    }

    private static func whole(_ value: Int) -> Pattern { .literal(String(value)) }

    private static func upTo(_ count: Int) -> Pattern { .repeated(digit(0...9), atLeast: 0, atMost: max(count, 0)) }

    private static let anyFraction = Pattern.optional(
        .sequence([.literal("."), .repeated(digit(0...9), atLeast: 1, atMost: fractionDigits)]))

    private static func fraction(atLeast bound: Bound) -> Pattern {
        if bound.fraction.isEmpty && !bound.isExcluded { return anyFraction }
        return .sequence([.literal("."), digits(atLeast: bound.fraction[...], bound.isExcluded, room: room(bound))])
    }

    private static func room(_ bound: Bound) -> Int { max(fractionDigits, min(bound.fraction.count + 2, mostDigits)) }

    /// Digits of a fraction that is at least `low`, or more than it; `room`: how many there may be.
    private static func digits(atLeast low: ArraySlice<Int>, _ isExcluded: Bool, room: Int) -> Pattern {
        guard let first = low.first else { return isExcluded ? notAllZeros(room) : upTo(room) }
        var parts = [
            Pattern.sequence([digit(first...first), digits(atLeast: low.dropFirst(), isExcluded, room: room - 1)])
        ]
        if first < 9 { parts.append(.sequence([digit(first + 1...9), upTo(room - 1)])) }
        return .choice(parts)
    }

    private static func notAllZeros(_ room: Int) -> Pattern {
        guard room > 0 else { return .nothing }
        return .choice([
            .sequence([digit(1...9), upTo(room - 1)]), .sequence([digit(0...0), notAllZeros(room - 1)]),
        ])
    }

    private static func fraction(atMost bound: Bound) -> Pattern {
        guard !bound.fraction.isEmpty else { return bound.isExcluded ? .nothing : .empty }
        return .optional(
            .sequence([.literal("."), digits(atMost: bound.fraction[...], bound.isExcluded, room: room(bound))]))
    }

    /// One or more digits of a fraction that is at most `high`, which has some, or less than it.
    private static func digits(atMost high: ArraySlice<Int>, _ isExcluded: Bool, room: Int) -> Pattern {
        guard let first = high.first else { return .nothing }
        var parts: [Pattern] = []
        if first > 0 { parts.append(.sequence([digit(0...first - 1), upTo(room - 1)])) }
        let rest = high.dropFirst()
        if !rest.isEmpty {
            parts.append(
                .sequence([digit(first...first), .optional(digits(atMost: rest, isExcluded, room: room - 1))]))
        } else if !isExcluded {
            parts.append(digit(first...first))
        }
        return .choice(parts)
    }

    /// The fractions between those of two bounds with one whole part, with their point if they have digits.
    private static func fraction(from low: Bound, to high: Bound) -> Pattern {
        guard isOrdered(low, high) else { return .nothing }
        var parts: [Pattern] = low.fraction.isEmpty && !low.isExcluded ? [.empty] : []
        if !high.fraction.isEmpty {
            let digits = digits(
                from: low.fraction[...], low.isExcluded, to: high.fraction[...], high.isExcluded,
                room: max(room(low), room(high)))
            parts.append(.sequence([.literal("."), digits]))
        }
        return .choice(parts)
    }

    private static func isOrdered(_ low: Bound, _ high: Bound) -> Bool {
        if low.fraction == high.fraction { return !low.isExcluded && !high.isExcluded }
        return low.fraction.lexicographicallyPrecedes(high.fraction)
    }

    /// One or more digits; what is missing of `low` is zeros.
    private static func digits(
        from low: ArraySlice<Int>, _ lowIsExcluded: Bool, to high: ArraySlice<Int>, _ highIsExcluded: Bool, room: Int
    ) -> Pattern {
        guard let last = high.first else { return .nothing }
        let first = low.first ?? 0
        let lowRest = low.dropFirst(), highRest = high.dropFirst()
        /// Whether the number may end after the first digit of both bounds, if that digit is `last`.
        let endsAtLast = !highRest.isEmpty || !highIsExcluded
        let endsAtFirst = lowRest.allSatisfy { $0 == 0 } && (!lowIsExcluded)
        if first == last {
            var parts: [Pattern] = endsAtFirst && endsAtLast ? [.empty] : []
            if !highRest.isEmpty {
                parts.append(digits(from: lowRest, lowIsExcluded, to: highRest, highIsExcluded, room: room - 1))
            }
            return .sequence([digit(first...first), .choice(parts)])
        }
        var parts: [Pattern] = [
            .sequence([digit(first...first), digits(atLeast: lowRest, lowIsExcluded, room: room - 1)])
        ]
        if last - first > 1 { parts.append(.sequence([digit(first + 1...last - 1), upTo(room - 1)])) }
        var ends: [Pattern] = endsAtLast ? [.empty] : []
        if !highRest.isEmpty { ends.append(digits(atMost: highRest, highIsExcluded, room: room - 1)) }
        parts.append(.sequence([digit(last...last), .choice(ends)]))
        return .choice(parts)
    }
}

extension DecimalRange.Bound {
    /// The magnitude of a number as it is printed shortest; nil if it has more than 15 digits.
    init?(magnitudeOf value: Double, isExcluded: Bool) {
        let parts = "\(abs(value))".split(separator: "e")
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let point = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        var whole = point[0].compactMap(\.wholeNumberValue)
        var fraction = point.count > 1 ? point[1].compactMap(\.wholeNumberValue) : []
        guard abs(exponent) <= 18 else { return nil }
        for _ in 0..<max(exponent, 0) { whole.append(fraction.isEmpty ? 0 : fraction.removeFirst()) }
        for _ in 0..<max(-exponent, 0) { fraction.insert(whole.popLast() ?? 0, at: 0) }
        while fraction.last == 0 { fraction.removeLast() }
        let digits = whole.reduce(0) { $0 == nil || $0! > DecimalRange.largest / 10 ? nil : $0! * 10 + $1 } as Int?
        guard let digits, digits <= DecimalRange.largest, fraction.count <= 13,
            digits < 1_000_000 || fraction.count <= 6
        else { return nil }
        self.init(whole: digits, fraction: fraction, isExcluded: isExcluded)
    }
}
