/// `value | filter(arguments)`
extension TemplateEvaluator {
    mutating func filter(
        _ name: String, _ value: TemplateValue, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        switch name {
        case "default", "d":
            let isReplaced = value == .undefined || (arguments.value(1, "boolean")?.isTrue ?? false) && !value.isTrue
            return isReplaced ? arguments.value(0, "default_value") ?? .trusted("") : value
        case "tojson": return .string(try json(value, arguments))
        case "safe", "string": return .string(try string(of: value))
        case "int": return .integer(try integer(value) ?? arguments.value(0, "default")?.asInteger ?? 0)
        case "length", "count": return .integer(try length(of: value))
        case "trim", "capitalize", "upper", "lower", "title", "replace", "indent":
            return .string(try textFilter(name, try string(of: value), arguments))
        default: return try listFilter(name, value, arguments)
        }
    }

    private mutating func textFilter(
        _ name: String, _ text: TemplateString, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateString {
        try charge(text.characters.count)
        switch name {
        case "capitalize": return text.capitalized()
        case "upper": return text.uppercased()
        case "lower": return text.lowercased()
        case "title": return text.wordsCapitalized()
        case "replace": return try replaced(text, arguments)
        case "indent": return try indented(text, arguments)
        default:
            guard let strip = arguments.value(0, "chars") else { return text.trimmed() }
            let scalars = Set(try string(of: strip).characters.map(\.scalar))
            return text.trimmed { scalars.contains($0) }
        }
    }

    mutating func replaced(_ text: TemplateString, _ arguments: TemplateCallArguments) throws(TemplateError)
        -> TemplateString
    {
        guard case .string(let old)? = arguments.value(0, "old"), case .string(let new)? = arguments.value(1, "new"),
            !old.characters.isEmpty
        else { throw .evaluation(line: line, reason: "replace takes a text to look for and its replacement") }
        let limit = arguments.value(2, "count")?.asInteger ?? -1
        let parts = text.split(on: old, limit: limit)
        let (added, overflow) = (parts.count - 1).multipliedReportingOverflow(by: new.characters.count)
        try charge(overflow ? .max : text.characters.count + added)
        return TemplateString(parts.map(\.characters).joined(separator: new.characters))
    }

    /// Spaces before every line but the first; empty lines stay empty unless `blank`.
    private mutating func indented(
        _ text: TemplateString, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateString {
        let width = arguments.value(0, "width") ?? .integer(4)
        let prefix: TemplateString
        if let count = width.asInteger {
            try charge(max(count, 0))
            prefix = TemplateString(trusted: String(repeating: " ", count: max(count, 0)))
        } else {
            prefix = try string(of: width)
        }
        let first = arguments.value(1, "first")?.isTrue ?? false
        let blank = arguments.value(2, "blank")?.isTrue ?? false
        let lines = text.split(on: TemplateString(trusted: "\n"), limit: -1)
        let (added, overflow) = lines.count.multipliedReportingOverflow(by: prefix.characters.count)
        try charge(overflow ? .max : added + text.characters.count)
        let result = lines.enumerated().map { index, line in
            let isIndented = index == 0 ? first : blank || !line.characters.isEmpty
            return isIndented ? (prefix + line).characters : line.characters
        }
        return TemplateString(result.joined(separator: TemplateString(trusted: "\n").characters))
    }

    private mutating func listFilter(
        _ name: String, _ value: TemplateValue, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        if name == "items" || name == "dictsort" { return try pairs(of: value, sorted: name == "dictsort") }
        let known = [
            "first", "last", "list", "reverse", "unique", "join", "map", "select", "reject", "selectattr", "rejectattr",
        ]
        guard known.contains(name) else { throw .unsupported(line: line, feature: "the filter \(name)") }
        let items = try items(of: value)
        try charge(items.count)
        switch name {
        case "first": return items.first ?? .undefined
        case "last": return items.last ?? .undefined
        case "list": return .list(items)
        case "reverse":
            if case .string(let text) = value { return .string(TemplateString(text.characters.reversed())) }
            return .list(items.reversed())
        case "unique":
            var found: [TemplateValue] = []
            for item in items where !(try contains(.list(found), item)) { found.append(item) }
            return .list(found)
        case "join": return .string(try joined(items, arguments))
        case "map": return try mapped(items, arguments)
        default: return try selected(name, items, arguments)
        }
    }

    private mutating func joined(
        _ items: [TemplateValue], _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateString {
        let separator = try arguments.value(0, "d").map { (value) throws(TemplateError) in try string(of: value) }
        var result = TemplateString()
        for (index, item) in items.enumerated() {
            if index > 0, let separator { result.characters += separator.characters }
            let value =
                try arguments.value(1, "attribute").map { (name) throws(TemplateError) in
                    try member(try string(of: name).plain, of: item)
                } ?? item
            let text = try string(of: value)
            try charge(text.characters.count + (separator?.characters.count ?? 0))
            result.characters += text.characters
            guard result.characters.count <= limits.length else { try charge(.max); break }
        }
        return result
    }

    /// `map(attribute="name")` or `map("filter", arguments…)`
    private mutating func mapped(
        _ items: [TemplateValue], _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        var result: [TemplateValue] = []
        let attribute = arguments.named.first { $0.name == "attribute" }?.value
        for item in items {
            if let attribute {
                let found = try member(try string(of: attribute).plain, of: item)
                let standard = arguments.named.first { $0.name == "default" }?.value
                result.append(found == .undefined ? standard ?? found : found)
            } else {
                guard case .string(let name)? = arguments.positional.first else {
                    throw .evaluation(line: line, reason: "map takes the name of a filter or an attribute")
                }
                let rest = TemplateCallArguments(
                    positional: Array(arguments.positional.dropFirst()), named: arguments.named)
                result.append(
                    try nested { (evaluator) throws(TemplateError) in
                        try evaluator.filter(name.plain, item, rest)
                    })
            }
        }
        return try checked(.list(result))
    }

    /// `select("test")`, `selectattr("name", "test", arguments…)` and their opposites; without a test, what is true.
    private mutating func selected(
        _ name: String, _ items: [TemplateValue], _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue {
        var rest = arguments.positional[...]
        let attribute =
            name.hasSuffix("attr")
            ? try rest.popFirst().map { (value) throws(TemplateError) in
                try string(of: value).plain
            } : nil
        let test = try rest.popFirst().map { (value) throws(TemplateError) in try string(of: value).plain }
        var result: [TemplateValue] = []
        for item in items {
            var subject = item
            if let attribute {
                for part in attribute.split(separator: ".") { subject = try member(String(part), of: subject) }
            }
            try charge()
            let holds =
                try test.map { (test) throws(TemplateError) in try self.test(test, subject, Array(rest)) }
                ?? subject.isTrue
            if holds == name.hasPrefix("select") { result.append(item) }
        }
        return .list(result)
    }

    mutating func pairs(of value: TemplateValue, sorted: Bool) throws(TemplateError) -> TemplateValue {
        if value == .undefined, !sorted { return .list([]) }
        guard case .dictionary(let dictionary) = value else {
            throw .evaluation(line: line, reason: "\(value.kind) has no keys")
        }
        try charge(dictionary.entries.reduce(0) { $0 + 1 + $1.key.characters.count })
        var entries = dictionary.entries
        if sorted {
            // Jinja sorts keys without regard to case.
            let keyed = entries.map { (order: $0.key.lowercased(), entry: $0) }
            entries = keyed.sorted {
                $0.order.characters.lexicographicallyPrecedes($1.order.characters) { $0.scalar < $1.scalar }
            }
            .map(\.entry)
        }
        return try checked(.list(entries.map { .list([.string($0.key), $0.value]) }))
    }

    private func length(of value: TemplateValue) throws(TemplateError) -> Int {
        switch value {
        case .string(let text): text.characters.count
        case .list(let list): list.items.count
        case .dictionary(let dictionary): dictionary.entries.count
        case .undefined: 0
        default: throw .evaluation(line: line, reason: "\(value.kind) has no length")
        }
    }

    private func integer(_ value: TemplateValue) throws(TemplateError) -> Int? {
        switch value {
        case .string(let text): Int(text.trimmed().plain)
        case .number(let number): Int(exactly: number.rounded(.towardZero))
        default: value.asInteger
        }
    }
}
