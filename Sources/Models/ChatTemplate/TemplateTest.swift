/// `value is test`
extension TemplateEvaluator {
    mutating func test(_ name: String, _ value: TemplateValue, _ arguments: [TemplateValue]) throws(TemplateError)
        -> Bool
    {
        switch (name, value) {
        case ("defined", _): return value != .undefined
        case ("undefined", _): return value == .undefined
        case ("none", .none), ("string", .string), ("mapping", .dictionary), ("boolean", .boolean), ("float", .number),
            ("integer", .integer), ("number", .integer), ("number", .number), ("number", .boolean):
            return true
        case ("iterable", .string), ("iterable", .list), ("iterable", .dictionary), ("iterable", .undefined),
            ("sequence", .string), ("sequence", .list), ("sequence", .dictionary), ("sequence", .undefined):
            return true
        case ("true", .boolean(let flag)): return flag
        case ("false", .boolean(let flag)): return !flag
        case ("callable", .reference(let reference)):
            if case .namespace = reference.target { return false }
            return true
        case ("none", _), ("string", _), ("mapping", _), ("boolean", _), ("float", _), ("integer", _), ("number", _),
            ("iterable", _), ("sequence", _), ("true", _), ("false", _), ("callable", _):
            return false
        default: return try comparisonTest(name, value, arguments)
        }
    }

    private mutating func comparisonTest(
        _ name: String, _ value: TemplateValue, _ arguments: [TemplateValue]
    ) throws(TemplateError) -> Bool {
        if name == "odd" || name == "even" {
            guard let number = value.asInteger else {
                throw .evaluation(line: line, reason: "\(value.kind) is neither odd nor even")
            }
            return (number % 2 != 0) == (name == "odd")
        }
        let operators: [String: ComparisonOperator] = [
            "equalto": .equal, "eq": .equal, "==": .equal, "ne": .unequal, "!=": .unequal, "in": .contained,
            "gt": .greater, "greaterthan": .greater, ">": .greater, "ge": .greaterOrEqual, ">=": .greaterOrEqual,
            "lt": .less, "lessthan": .less, "<": .less, "le": .lessOrEqual, "<=": .lessOrEqual,
        ]
        guard let operation = operators[name] else { throw .unsupported(line: line, feature: "the test \(name)") }
        guard let other = arguments.first else {
            throw .evaluation(line: line, reason: "the test \(name) compares with nothing")
        }
        return try compare(value, operation, other)
    }
}
