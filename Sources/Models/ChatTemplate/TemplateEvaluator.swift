/// Runs a template's statements. Expressions are in ExpressionEvaluator.swift.
struct TemplateEvaluator {
    private enum Flow { case onward, `break`, `continue` }

    let limits: TemplateLimits
    private(set) var output = TemplateString()
    var namespaces: [[String: TemplateValue]] = []
    private(set) var macros: [TemplateMacro] = []
    /// Names, the outermost scope first.
    private var scopes: [[String: TemplateValue]]
    private var steps = 0
    private var nesting = 0
    /// Line of the last expression, for errors of statements.
    var line = 1

    init(variables: [String: TemplateValue], limits: TemplateLimits) {
        scopes = [variables]
        self.limits = limits
    }

    mutating func run(_ statements: [TemplateStatement]) throws(TemplateError) -> TemplateString {
        _ = try execute(statements)
        return output
    }

    // MARK: Budget

    /// What a pass of a loop takes besides its body: its names and its `loop` are dictionaries, made anew.
    private static let stepsOfPass = 8

    /// Counts `own` steps, and one more for every 32 characters or items of `size` that they copy or compare.
    mutating func charge(_ size: Int = 0, own: Int = 1) throws(TemplateError) {
        guard size <= limits.length else {
            throw .limit(line: line, what: "characters or items in one value", limit: limits.length)
        }
        steps += own + size / 32
        guard steps <= limits.steps else { throw .limit(line: line, what: "steps", limit: limits.steps) }
    }

    /// Refuses values that nest deeper than recursion over them could bear.
    func checked(_ value: TemplateValue) throws(TemplateError) -> TemplateValue {
        guard value.depth <= limits.depth else {
            throw .limit(line: line, what: "values inside one another", limit: limits.depth)
        }
        return value
    }

    mutating func nested<Result>(
        _ body: (inout TemplateEvaluator) throws(TemplateError) -> Result
    ) throws(TemplateError) -> Result {
        nesting += 1
        defer { nesting -= 1 }
        // An expression may be as deep as the parser allows inside statements as deep, and once more in macros.
        guard nesting <= 3 * limits.depth else {
            throw .limit(line: line, what: "levels of nesting", limit: 3 * limits.depth)
        }
        return try body(&self)
    }

    // MARK: Names

    func lookup(_ name: String) -> TemplateValue {
        for scope in scopes.reversed() {
            if let value = scope[name] { return value }
        }
        return TemplateFunction(rawValue: name).map { .reference(TemplateReference(target: .function($0))) }
            ?? .undefined
    }

    private mutating func assign(_ value: TemplateValue, to target: AssignmentTarget) throws(TemplateError) {
        switch target {
        case .name(let name): scopes[scopes.count - 1][name] = value
        case .member(let name, let member):
            guard case .reference(let reference) = lookup(name), case .namespace(let index) = reference.target else {
                throw .evaluation(line: line, reason: "\(name) is no namespace, so \(name).\(member) cannot be set")
            }
            namespaces[index][member] = value
        }
    }

    // MARK: Statements

    private mutating func execute(_ statements: [TemplateStatement]) throws(TemplateError) -> Flow {
        for statement in statements {
            try charge()
            let flow = try nested { (evaluator) throws(TemplateError) in try evaluator.execute(statement) }
            if flow != .onward { return flow }
        }
        return .onward
    }

    private mutating func execute(_ statement: TemplateStatement) throws(TemplateError) -> Flow {
        switch statement {
        case .text(let text): try write(text)
        case .output(let expression): try write(try string(of: try evaluate(expression)))
        case .branch(let branches, let otherwise):
            for branch in branches where try evaluate(branch.condition).isTrue { return try execute(branch.body) }
            return try execute(otherwise)
        case .loop(let loop): return try execute(loop)
        case .set(let targets, let expression): try assign(try evaluate(expression), to: targets)
        case .capture(let target, let body, let line):
            self.line = line
            try assign(
                .string(try captured { (evaluator) throws(TemplateError) in try evaluator.scoped(body) }), to: target)
        case .macro(let macro):
            macros.append(macro)
            try assign(.reference(TemplateReference(target: .macro(macros.count - 1))), to: .name(macro.name))
        case .scope(let body): return try scoped(body)
        case .break: return .break
        case .continue: return .continue
        }
        return .onward
    }

    private mutating func write(_ text: TemplateString) throws(TemplateError) {
        try charge(text.characters.count)
        guard output.characters.count + text.characters.count <= limits.length else {
            throw .limit(line: line, what: "characters of output", limit: limits.length)
        }
        output.characters += text.characters
    }

    @discardableResult
    private mutating func scoped(_ body: [TemplateStatement]) throws(TemplateError) -> Flow {
        scopes.append([:])
        defer { scopes.removeLast() }
        return try execute(body)
    }

    /// What `body` writes, kept apart from the prompt.
    private mutating func captured<Ignored>(
        _ body: (inout TemplateEvaluator) throws(TemplateError) -> Ignored
    ) throws(TemplateError) -> TemplateString {
        let before = output
        output = TemplateString()
        _ = try body(&self)
        defer { output = before }
        return output
    }

    private mutating func assign(_ value: TemplateValue, to targets: [AssignmentTarget]) throws(TemplateError) {
        guard targets.count > 1 else { return try assign(value, to: targets[0]) }
        for (target, part) in zip(targets, try unpacked(value, count: targets.count)) { try assign(part, to: target) }
    }

    private mutating func unpacked(_ value: TemplateValue, count: Int) throws(TemplateError) -> [TemplateValue] {
        let parts = try items(of: value)
        guard parts.count == count else {
            throw .evaluation(line: line, reason: "\(parts.count) values cannot be unpacked into \(count) names")
        }
        return parts
    }

    private mutating func execute(_ loop: TemplateLoop) throws(TemplateError) -> Flow {
        var passes: [[String: TemplateValue]] = []
        var values: [TemplateValue] = []
        for value in try items(of: try evaluate(loop.sequence)) {
            try charge(own: Self.stepsOfPass)
            let parts = loop.targets.count == 1 ? [value] : try unpacked(value, count: loop.targets.count)
            let names = Dictionary(zip(loop.targets, parts)) { $1 }
            if let condition = loop.condition {
                scopes.append(names)
                defer { scopes.removeLast() }
                guard try evaluate(condition).isTrue else { continue }
            }
            passes.append(names)
            values.append(value)
        }
        if passes.isEmpty { return try execute(loop.otherwise) }
        for (index, names) in passes.enumerated() {
            scopes.append(names.merging(["loop": try checked(.dictionary(state(of: values, at: index)))]) { $1 })
            defer { scopes.removeLast() }
            if try execute(loop.body) == .break { break }
        }
        return .onward
    }

    private func state(of values: [TemplateValue], at index: Int) -> TemplateDictionary {
        TemplateDictionary(named: [
            ("index", .integer(index + 1)), ("index0", .integer(index)),
            ("revindex", .integer(values.count - index)), ("revindex0", .integer(values.count - index - 1)),
            ("first", .boolean(index == 0)), ("last", .boolean(index == values.count - 1)),
            ("length", .integer(values.count)),
            ("previtem", index > 0 ? values[index - 1] : .undefined),
            ("nextitem", index + 1 < values.count ? values[index + 1] : .undefined),
        ])
    }

    /// A macro sees its parameters and the template's outermost names, not its caller's.
    mutating func call(_ macro: TemplateMacro, _ arguments: TemplateCallArguments) throws(TemplateError)
        -> TemplateValue
    {
        guard arguments.positional.count <= macro.parameters.count else {
            throw .evaluation(line: line, reason: "the macro \(macro.name) takes \(macro.parameters.count) arguments")
        }
        if let unknown = arguments.named.first(where: { name, _ in !macro.parameters.contains { $0.name == name } }) {
            throw .evaluation(line: line, reason: "the macro \(macro.name) has no parameter \(unknown.name)")
        }
        let caller = scopes
        scopes = [caller[0], [:]]
        defer { scopes = caller }
        for (index, parameter) in macro.parameters.enumerated() {
            var value = arguments.positional.indices.contains(index) ? arguments.positional[index] : nil
            value = value ?? arguments.named.first { $0.name == parameter.name }?.value
            if value == nil, let standard = parameter.standard { value = try evaluate(standard) }
            scopes[1][parameter.name] = value ?? .undefined
        }
        return .string(try captured { (evaluator) throws(TemplateError) in try evaluator.execute(macro.body) })
    }
}
