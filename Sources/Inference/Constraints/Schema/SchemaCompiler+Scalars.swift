import Models

extension SchemaCompiler {
    // MARK: Strings

    mutating func string(_ parts: [SchemaPart]) throws(ConstraintError) -> Pattern {
        var least = 0, most: Int?
        var expressions: [(regex: String, isWhole: Bool, path: String)] = []
        for part in parts {
            least = max(least, try part.integer("minLength") ?? 0)
            if let own = try part.integer("maxLength") { most = min(most ?? own, own) }
            for (keyword, isWhole) in [("pattern", false), ("format", true)] {
                guard let expression = try Self.expression(keyword, of: part) else { continue }
                if expressions.contains(where: { $0.regex == expression && $0.isWhole == isWhole }) { continue }
                expressions.append((expression, isWhole, part.at(keyword)))
            }
        }
        guard expressions.count < 2 else {
            throw .unsupportedKeyword(
                "pattern", path: expressions[1].path, reason: "a string can keep one pattern or format only")
        }
        guard least <= ConstraintLimits.counted else {
            throw .tooLarge(what: "characters that a string must have", limit: ConstraintLimits.counted)
        }
        if let most, most < least { return .nothing }
        guard let expression = expressions.first else {
            if least == 0 && most == nil { return try writing.string() }
            let most = most.map { min($0, ConstraintLimits.counted) }
            return try writing.table.add(
                JSONPatterns.quoted(.repeated(JSONPatterns.anyCharacter, atLeast: least, atMost: most)))
        }
        return try writing.table.add(JSONPatterns.quoted(try content(expression, least, most)))
    }

    private static func expression(_ keyword: String, of part: SchemaPart) throws(ConstraintError) -> String? {
        guard let text = try part.string(keyword), keyword == "format" else { return try part.string(keyword) }
        if StringFormat.ofNumbers.contains(text) || text == "int32" { return nil }
        guard let expression = StringFormat.expressions[text] else {
            let known = StringFormat.expressions.keys.sorted().joined(separator: ", ")
            throw .unsupportedKeyword(
                "format", path: part.path, reason: "\"\(text.prefix(40))\" is not one of \(known)")
        }
        return expression
    }

    /// What matches an expression somewhere in it, unless it is anchored, and has a length.
    private func content(
        _ expression: (regex: String, isWhole: Bool, path: String), _ least: Int, _ most: Int?
    ) throws(ConstraintError) -> Pattern {
        do throws(ConstraintError) {
            if least > 0 || most != nil {
                let plain = Self.search(try RegexParser.alternatives(expression.regex, .plain), expression.isWhole)
                let length = plain.length
                let isImplied = length.least >= least && (most.map { length.most ?? .max <= $0 } ?? true)
                if !isImplied {
                    if let counted = try Self.counted(expression, least, most) { return counted }
                    throw ConstraintError.unsupportedKeyword(
                        most == nil ? "minLength" : "maxLength", path: expression.path,
                        reason: "it stands beside a pattern or a format that does not imply it")
                }
            }
            return Self.search(try RegexParser.alternatives(expression.regex, .json), expression.isWhole)
        } catch ConstraintError.malformedRegex(let position, let reason) {
            throw .malformedSchema(
                path: expression.path,
                reason: "\(ConstraintError.malformedRegex(position: position, reason: reason))")
        } catch ConstraintError.unsupportedRegex(let feature, let position) {
            throw .malformedSchema(
                path: expression.path,
                reason: "\(ConstraintError.unsupportedRegex(feature: feature, position: position))")
        } catch {
            throw error
        }
    }

    private static func search(_ alternatives: [RegexParser.Alternative], _ isWhole: Bool) -> Pattern {
        let anything = Pattern.any(of: JSONPatterns.anyCharacter)
        return .choice(
            alternatives.map { alternative in
                let before = isWhole || alternative.hasStart ? Pattern.empty : anything
                let after = isWhole || alternative.hasEnd ? Pattern.empty : anything
                return .sequence([before, alternative.pattern, after])
            })
    }

    /// The frequent case of a repeated class, `^[a-z]+$`, whose count a length can bound.
    private static func counted(
        _ expression: (regex: String, isWhole: Bool, path: String), _ least: Int, _ most: Int?
    ) throws(ConstraintError) -> Pattern? {
        let alternatives = try RegexParser.alternatives(expression.regex, .plain)
        guard alternatives.count == 1, alternatives[0].hasStart, alternatives[0].hasEnd,
            case .repeated(.scalar(let set), let fewest, let greatest) = alternatives[0].pattern
        else { return nil }
        let low = max(fewest, least)
        let high = [greatest, most].compactMap { $0 }.min().map { min($0, max(ConstraintLimits.counted, low)) }
        if let high, high < low { return .nothing }
        return .repeated(JSONPatterns.character(of: set), atLeast: low, atMost: high)
    }

    // MARK: Numbers

    mutating func number(_ parts: [SchemaPart], isInteger: Bool) throws(ConstraintError) -> Pattern {
        var range = NumberRange()
        for part in parts { try range.narrow(by: part) }
        if range.isEmpty { return .nothing }
        if let step = range.step { return try multiples(of: step, in: range) }
        if isInteger {
            return range.isBounded
                ? DecimalRange.integers(from: range.lowestInteger, to: range.highestInteger) : try writing.integer()
        }
        guard range.isBounded else { return try writing.number() }
        return DecimalRange.numbers(from: try range.bound(range.low), to: try range.bound(range.high))
    }

    /// The multiples of a whole number: all of them written out if they are few, else by their last digits.
    private func multiples(of step: NumberRange.Step, in range: NumberRange) throws(ConstraintError) -> Pattern {
        if step.size == 1 { return DecimalRange.integers(from: range.lowestInteger, to: range.highestInteger) }
        if let low = range.lowestInteger, let high = range.highestInteger, (high - low) / step.size <= 1024 {
            let first = low - low % step.size + (low > 0 && low % step.size != 0 ? step.size : 0)
            return .choice(stride(from: first, through: high, by: step.size).map { .literal("\($0)") })
        }
        guard !range.isBounded, let tail = Self.lastDigits[step.size] else {
            throw .unsupportedKeyword(
                "multipleOf", path: step.path,
                reason: "it may be 1, or 2, 5, 10, 100 or 1000 without bounds, or another whole number between bounds "
                    + "that leave at most 1024 multiples")
        }
        let head = Pattern.sequence([
            .scalar(ScalarSet("1", "9")), .repeated(JSONPatterns.digit, atLeast: 0, atMost: 9),
        ])
        let magnitude =
            step.size < 10
            ? Pattern.choice([.sequence([head, tail]), tail]) : .choice([.sequence([head, tail]), .literal("0")])
        return .sequence([.optional(.literal("-")), magnitude])
    }

    private static let lastDigits: [Int: Pattern] = [
        2: .scalar(ScalarSet(of: "02468")), 5: .scalar(ScalarSet(of: "05")), 10: .literal("0"), 100: .literal("00"),
        1000: .literal("000"),
    ]
}
