/// Methods of Python's strings and dictionaries: `value.name(arguments)`.
extension TemplateEvaluator {
    /// The result, or nil when `value` has no such method.
    mutating func callMethod(
        _ name: String, of value: TemplateValue, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue? {
        switch value {
        case .string(let text): try callMethod(name, of: text, arguments)
        case .dictionary(let dictionary): try callMethod(name, of: dictionary, arguments)
        default: nil
        }
    }

    private mutating func callMethod(
        _ name: String, of dictionary: TemplateDictionary, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue? {
        switch name {
        case "items": return try pairs(of: .dictionary(dictionary), sorted: false)
        case "keys": return .list(dictionary.entries.map { .string($0.key) })
        case "values": return .list(dictionary.entries.map(\.value))
        case "get":
            guard case .string(let key)? = arguments.value(0, "key") else {
                throw .evaluation(line: line, reason: "get takes a key")
            }
            try charge(key.characters.count)
            return dictionary[key] ?? arguments.value(1, "default") ?? TemplateValue.none
        default: return nil
        }
    }

    private mutating func callMethod(
        _ name: String, of text: TemplateString, _ arguments: TemplateCallArguments
    ) throws(TemplateError) -> TemplateValue? {
        try charge(text.characters.count)
        switch name {
        case "strip", "lstrip", "rstrip":
            var strip: Set<Unicode.Scalar>?
            if let given = arguments.value(0, "chars"), given != .none {
                strip = Set(try string(of: given).characters.map(\.scalar))
            }
            return .string(
                text.trimmed(start: name != "rstrip", end: name != "lstrip") {
                    strip?.contains($0) ?? TemplateString.isSpace($0)
                })
        case "startswith", "endswith":
            guard case .string(let part)? = arguments.positional.first else {
                throw .evaluation(line: line, reason: "\(name) takes a string")
            }
            let characters = text.characters, other = part.characters
            return .boolean(
                name == "startswith"
                    ? characters.starts(with: other) : characters.suffix(other.count).elementsEqual(other))
        case "split": return try split(text, arguments)
        case "replace": return .string(try replaced(text, arguments))
        case "upper": return .string(text.uppercased())
        case "lower": return .string(text.lowercased())
        case "title": return .string(text.titlecased())
        case "capitalize": return .string(text.capitalized())
        case "find":
            guard case .string(let part)? = arguments.positional.first else {
                throw .evaluation(line: line, reason: "find takes a string")
            }
            return .integer(text.firstIndex(of: part) ?? -1)
        default: return nil
        }
    }

    private func split(_ text: TemplateString, _ arguments: TemplateCallArguments) throws(TemplateError)
        -> TemplateValue
    {
        let limit = arguments.value(1, "maxsplit")?.asInteger ?? -1
        switch arguments.value(0, "sep") {
        case nil, .some(.none):
            guard limit < 0 else { throw .unsupported(line: line, feature: "split at whitespace with a limit") }
            return .list(text.words().map { .string($0) })
        case .string(let separator)? where !separator.characters.isEmpty:
            return .list(text.split(on: separator, limit: limit).map { .string($0) })
        default: throw .evaluation(line: line, reason: "split takes a separator that is not empty")
        }
    }
}
