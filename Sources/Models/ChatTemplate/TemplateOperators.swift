/// Python's operators, as far as templates meet them.
extension TemplateEvaluator {
    mutating func arithmetic(
        _ operation: ArithmeticOperator, _ left: TemplateValue, _ right: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        switch (operation, left, right) {
        case (.concatenate, _, _): return .string(try joined(try string(of: left), try string(of: right)))
        case (.add, .string(let a), .string(let b)): return .string(try joined(a, b))
        case (.add, .list(let a), .list(let b)):
            try charge(a.items.count + b.items.count)
            return .list(a.items + b.items)
        case (.multiply, .string(let text), let count), (.multiply, let count, .string(let text)):
            guard let count = count.asInteger else { break }
            let (length, overflow) = text.characters.count.multipliedReportingOverflow(by: max(count, 0))
            try charge(overflow ? .max : length)
            return .string(TemplateString(repeatElement(text.characters, count: max(count, 0)).joined()))
        default: break
        }
        if let a = left.asInteger, let b = right.asInteger { return try integer(operation, a, b) }
        if let a = left.asDouble, let b = right.asDouble { return try number(operation, a, b) }
        throw .evaluation(
            line: line, reason: "\(operation.rawValue) does not work between \(left.kind) and \(right.kind)")
    }

    private mutating func joined(_ left: TemplateString, _ right: TemplateString) throws(TemplateError)
        -> TemplateString
    {
        try charge(left.characters.count + right.characters.count)
        return left + right
    }

    private func integer(_ operation: ArithmeticOperator, _ a: Int, _ b: Int) throws(TemplateError) -> TemplateValue {
        let result: (partialValue: Int, overflow: Bool)
        switch operation {
        case .add: result = a.addingReportingOverflow(b)
        case .subtract: result = a.subtractingReportingOverflow(b)
        case .multiply: result = a.multipliedReportingOverflow(by: b)
        case .floorDivide, .remainder:
            guard b != 0 else { throw .evaluation(line: line, reason: "division by zero") }
            let (quotient, overflow) = a.dividedReportingOverflow(by: b)
            let (remainder, _) = a.remainderReportingOverflow(dividingBy: b)
            // Python rounds quotients down, and remainders take the divisor's sign.
            let isBelow = remainder != 0 && (remainder < 0) != (b < 0)
            result =
                operation == .floorDivide
                ? (isBelow ? quotient - 1 : quotient, overflow) : (isBelow ? remainder + b : remainder, false)
        case .divide, .power, .concatenate: return try number(operation, Double(a), Double(b))
        }
        guard !result.overflow else { throw .evaluation(line: line, reason: "an integer overflows 64 bits") }
        return .integer(result.partialValue)
    }

    private func number(_ operation: ArithmeticOperator, _ a: Double, _ b: Double) throws(TemplateError)
        -> TemplateValue
    {
        switch operation {
        case .add: return .number(a + b)
        case .subtract: return .number(a - b)
        case .multiply: return .number(a * b)
        case .divide:
            guard b != 0 else { throw .evaluation(line: line, reason: "division by zero") }
            return .number(a / b)
        case .floorDivide, .remainder, .power, .concatenate:
            throw .unsupported(line: line, feature: "\(operation.rawValue) between such numbers")
        }
    }

    /// Equality, paid for by the smaller value, at which any comparison ends.
    mutating func equal(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
        try charge(min(left.size, right.size))
        return left == right
    }

    mutating func compare(
        _ left: TemplateValue, _ operation: ComparisonOperator, _ right: TemplateValue
    ) throws(TemplateError) -> Bool {
        switch operation {
        case .equal: return try equal(left, right)
        case .unequal: return !(try equal(left, right))
        case .contained: return try contains(right, left)
        case .notContained: return !(try contains(right, left))
        case .less: return try isLess(left, right)
        case .greater: return try isLess(right, left)
        case .lessOrEqual: return !(try isLess(right, left))
        case .greaterOrEqual: return !(try isLess(left, right))
        }
    }

    mutating func isLess(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
        if let a = left.asDouble, let b = right.asDouble { return a < b }
        if case .string(let a) = left, case .string(let b) = right {
            try charge(min(left.size, right.size))
            return a.characters.lexicographicallyPrecedes(b.characters) { $0.scalar < $1.scalar }
        }
        throw .evaluation(line: line, reason: "\(left.kind) and \(right.kind) have no order")
    }

    mutating func contains(_ container: TemplateValue, _ value: TemplateValue) throws(TemplateError) -> Bool {
        switch (container, value) {
        case (.string(let text), .string(let part)):
            try charge(text.characters.count + part.characters.count)
            return text.firstIndex(of: part) != nil
        case (.list(let list), _):
            for item in list.items where try equal(item, value) { return true }
            return false
        case (.dictionary(let dictionary), .string(let key)):
            try charge(key.characters.count)
            return dictionary[key] != nil
        case (.dictionary, _), (.undefined, _): return false
        default: throw .evaluation(line: line, reason: "\(value.kind) cannot be looked for in \(container.kind)")
        }
    }

    /// What a loop goes over: items, keys, or characters.
    mutating func items(of value: TemplateValue) throws(TemplateError) -> [TemplateValue] {
        switch value {
        case .list(let list): return list.items
        case .dictionary(let dictionary): return dictionary.entries.map { .string($0.key) }
        case .string(let text):
            try charge(text.characters.count)
            return text.characters.map { .string(TemplateString([$0])) }
        case .undefined: return []
        default: throw .evaluation(line: line, reason: "\(value.kind) has no items")
        }
    }

    /// Python's `str`. Lists and dictionaries, whose Python form no model was trained on, are refused.
    func string(of value: TemplateValue) throws(TemplateError) -> TemplateString {
        switch value {
        case .undefined: TemplateString()
        case .none: TemplateString(trusted: "None")
        case .boolean(let value): TemplateString(trusted: value ? "True" : "False")
        case .integer(let value): TemplateString(trusted: String(value))
        case .number(let value): TemplateString(trusted: "\(value)")
        case .string(let text): text
        case .list, .dictionary, .reference:
            throw .evaluation(line: line, reason: "\(value.kind) was printed; tojson writes one as text")
        }
    }
}
