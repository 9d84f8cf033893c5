/// Arguments of a call, evaluated.
struct TemplateCallArguments {
    var positional: [TemplateValue] = []
    var named: [(name: String, value: TemplateValue)] = []

    /// The argument at `index` or, if not given so, the one called `name`.
    func value(_ index: Int, _ name: String) -> TemplateValue? {
        positional.indices.contains(index) ? positional[index] : named.first { $0.name == name }?.value
    }
}

extension TemplateEvaluator {
    mutating func evaluate(_ expression: TemplateExpression) throws(TemplateError) -> TemplateValue {
        line = expression.line
        try charge()
        return try nested { (evaluator) throws(TemplateError) in try evaluator.evaluate(expression.kind) }
    }

    private mutating func evaluate(_ kind: TemplateExpression.Kind) throws(TemplateError) -> TemplateValue {
        switch kind {
        case .literal(let value): return value
        case .name(let name): return lookup(name)
        case .list(let items): return try checked(.list(try evaluate(items)))
        case .dictionary(let entries): return try dictionary(entries)
        case .attribute(let value, let name): return try member(name, of: try evaluate(value))
        case .item(let value, let index): return try item(try evaluate(index), of: try evaluate(value))
        case .slice(let value, let start, let end, let step):
            let sequence = try evaluate(value)
            return try slice(sequence, try bound(start), try bound(end), try bound(step))
        case .call(let callee, let arguments): return try call(callee, arguments)
        case .filter(let value, let name, let arguments):
            return try filter(name, try evaluate(value), try evaluate(arguments))
        case .test(let value, let name, let arguments):
            return .boolean(try test(name, try evaluate(value), try evaluate(arguments).positional))
        case .negate(let value): return try arithmetic(.subtract, .integer(0), try evaluate(value))
        case .not(let value): return .boolean(!(try evaluate(value).isTrue))
        case .and(let left, let right):
            let first = try evaluate(left)
            return first.isTrue ? try evaluate(right) : first
        case .or(let left, let right):
            let first = try evaluate(left)
            return first.isTrue ? first : try evaluate(right)
        case .arithmetic(let operation, let left, let right):
            return try arithmetic(operation, try evaluate(left), try evaluate(right))
        case .comparison(let first, let rest): return try comparison(first, rest)
        case .conditional(let value, let condition, let otherwise):
            if try evaluate(condition).isTrue { return try evaluate(value) }
            return try otherwise.map { (other) throws(TemplateError) in try evaluate(other) } ?? .undefined
        }
    }

    private mutating func evaluate(_ expressions: [TemplateExpression]) throws(TemplateError) -> [TemplateValue] {
        var values: [TemplateValue] = []
        for expression in expressions { values.append(try evaluate(expression)) }
        return values
    }

    private mutating func evaluate(_ arguments: TemplateArguments) throws(TemplateError) -> TemplateCallArguments {
        var result = TemplateCallArguments(positional: try evaluate(arguments.positional))
        for (name, value) in arguments.named { result.named.append((name, try evaluate(value))) }
        return result
    }

    private mutating func dictionary(
        _ entries: [(key: TemplateExpression, value: TemplateExpression)]
    ) throws(TemplateError) -> TemplateValue {
        var result: [(key: TemplateString, value: TemplateValue)] = []
        for (key, value) in entries {
            guard case .string(let name) = try evaluate(key) else {
                throw .evaluation(line: line, reason: "keys of dictionaries are strings")
            }
            result.append((name, try evaluate(value)))
        }
        return try checked(.dictionary(TemplateDictionary(result)))
    }

    private mutating func comparison(
        _ first: TemplateExpression, _ rest: [(ComparisonOperator, TemplateExpression)]
    ) throws(TemplateError) -> TemplateValue {
        var left = try evaluate(first)
        for (operation, expression) in rest {
            let right = try evaluate(expression)
            guard try compare(left, operation, right) else { return .boolean(false) }
            left = right
        }
        return .boolean(true)
    }

    private mutating func call(
        _ callee: TemplateExpression, _ arguments: TemplateArguments
    ) throws(TemplateError) -> TemplateValue {
        if case .attribute(let object, let name) = callee.kind {
            let value = try evaluate(object)
            let given = try evaluate(arguments)
            if let result = try callMethod(name, of: value, given) { return result }
            return try call(try member(name, of: value), given, name: name)
        }
        var name = "the value"
        if case .name(let called) = callee.kind { name = called }
        return try call(try evaluate(callee), try evaluate(arguments), name: name)
    }

    private mutating func call(
        _ value: TemplateValue, _ arguments: TemplateCallArguments, name: String
    ) throws(TemplateError) -> TemplateValue {
        guard case .reference(let reference) = value else {
            throw .evaluation(line: line, reason: "\(name) is \(value.kind) and cannot be called")
        }
        switch reference.target {
        case .macro(let index):
            return try nested { (evaluator) throws(TemplateError) in
                try evaluator.call(evaluator.macros[index], arguments)
            }
        case .function(let function): return try call(function, arguments)
        case .namespace: throw .evaluation(line: line, reason: "\(name) is a namespace and cannot be called")
        }
    }

    /// `value.name`: what it has not is undefined; an undefined value has no members at all.
    func member(_ name: String, of value: TemplateValue) throws(TemplateError) -> TemplateValue {
        switch value {
        case .dictionary(let dictionary): return dictionary[TemplateString(trusted: name)] ?? .undefined
        case .reference(let reference):
            guard case .namespace(let index) = reference.target else { return .undefined }
            return namespaces[index][name] ?? .undefined
        case .undefined:
            throw .evaluation(line: line, reason: "the member \(name) of an undefined value was asked for")
        default: return .undefined
        }
    }

    private mutating func item(_ index: TemplateValue, of value: TemplateValue) throws(TemplateError) -> TemplateValue {
        // A key is hashed as a whole.
        if case .string(let key) = index { try charge(key.characters.count) }
        switch (value, index) {
        case (.dictionary(let dictionary), .string(let key)): return dictionary[key] ?? .undefined
        case (.reference, .string(let key)): return try member(key.plain, of: value)
        case (.list(let list), _):
            guard let place = place(index, count: list.items.count) else { return .undefined }
            return list.items[place]
        case (.string(let text), _):
            guard let place = place(index, count: text.characters.count) else { return .undefined }
            return .string(TemplateString([text.characters[place]]))
        case (.undefined, _): throw .evaluation(line: line, reason: "an item of an undefined value was asked for")
        default: return .undefined
        }
    }

    /// Negative indices count from the end.
    private func place(_ index: TemplateValue, count: Int) -> Int? {
        guard let index = index.asInteger else { return nil }
        let place = index < 0 ? index + count : index
        return (0..<count).contains(place) ? place : nil
    }

    private mutating func bound(_ expression: TemplateExpression?) throws(TemplateError) -> Int? {
        guard let expression else { return nil }
        let value = try evaluate(expression)
        if case .none = value { return nil }
        guard let bound = value.asInteger else {
            throw .evaluation(line: line, reason: "the bound of a slice is \(value.kind)")
        }
        return bound
    }

    private mutating func slice(
        _ value: TemplateValue, _ start: Int?, _ end: Int?, _ step: Int?
    ) throws(TemplateError) -> TemplateValue {
        guard step != 0 else { throw .evaluation(line: line, reason: "the step of a slice is 0") }
        switch value {
        case .list(let list):
            try charge(list.items.count)
            return .list(Self.places(start, end, step ?? 1, count: list.items.count).map { list.items[$0] })
        case .string(let text):
            try charge(text.characters.count)
            let places = Self.places(start, end, step ?? 1, count: text.characters.count)
            return .string(TemplateString(places.map { text.characters[$0] }))
        default: throw .evaluation(line: line, reason: "\(value.kind) cannot be sliced")
        }
    }

    /// Python's `slice.indices`: bounds outside the sequence are moved to its ends.
    private static func places(_ start: Int?, _ end: Int?, _ step: Int, count: Int) -> [Int] {
        func clamp(_ bound: Int) -> Int {
            let place = bound < 0 ? bound.addingReportingOverflow(count).partialValue : bound
            return step > 0 ? min(max(place, 0), count) : min(max(place, -1), count - 1)
        }
        let first = start.map(clamp) ?? (step > 0 ? 0 : count - 1)
        let last = end.map(clamp) ?? (step > 0 ? count : -1)
        return Array(stride(from: first, to: last, by: step))
    }
}
