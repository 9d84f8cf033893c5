/// What a variable of a chat template can hold: Python's values, as far as templates see them.
public enum TemplateValue: Sendable, Equatable {
    /// A name or a member that does not exist: prints as nothing, is false, has no members.
    case undefined
    case none
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case string(TemplateString)
    case list(TemplateList)
    case dictionary(TemplateDictionary)
    /// Something that lives in the running template.
    case reference(TemplateReference)

    /// Text from our own code or from the checkpoint (a token's name).
    public static func trusted(_ text: String) -> TemplateValue { .string(TemplateString(trusted: text)) }

    /// Text from a request.
    public static func untrusted(_ text: String) -> TemplateValue { .string(TemplateString(untrusted: text)) }

    public static func list(_ items: [TemplateValue]) -> TemplateValue { .list(TemplateList(items)) }

    public static func dictionary(_ entries: [(key: TemplateString, value: TemplateValue)]) -> TemplateValue {
        .dictionary(TemplateDictionary(entries))
    }

    /// Containers below this one, itself included: what recursive work on it would nest to.
    var depth: Int {
        switch self {
        case .list(let list): list.depth
        case .dictionary(let dictionary): dictionary.depth
        default: 0
        }
    }

    /// Values and characters in this one, counted as often as they are met: what comparing it can cost.
    var size: Int {
        switch self {
        case .string(let text): 1 + text.characters.count
        case .list(let list): list.size
        case .dictionary(let dictionary): dictionary.size
        default: 1
        }
    }

    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .boolean(let value): value
        case .integer(let value): value != 0
        case .number(let value): value != 0
        case .string(let text): !text.characters.isEmpty
        case .list(let list): !list.items.isEmpty
        case .dictionary(let dictionary): !dictionary.entries.isEmpty
        case .reference: true
        }
    }

    /// The value's kind, for errors.
    var kind: String {
        switch self {
        case .undefined: "an undefined value"
        case .none: "none"
        case .boolean: "a boolean"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .list: "a list"
        case .dictionary: "a dictionary"
        case .reference: "a function or namespace"
        }
    }

    /// Python's arithmetic takes True for 1.
    var asInteger: Int? {
        switch self {
        case .integer(let value): value
        case .boolean(let value): value ? 1 : 0
        default: nil
        }
    }

    var asDouble: Double? {
        if case .number(let value) = self { return value }
        return asInteger.map(Double.init)
    }

    public static func == (left: TemplateValue, right: TemplateValue) -> Bool {
        switch (left, right) {
        case (.undefined, .undefined), (.none, .none): true
        case (.string(let a), .string(let b)): a == b
        case (.list(let a), .list(let b)): a == b
        case (.dictionary(let a), .dictionary(let b)): a == b
        case (.reference(let a), .reference(let b)): a == b
        default:
            if let a = left.asInteger, let b = right.asInteger {
                a == b
            } else if let a = left.asDouble, let b = right.asDouble {
                a == b
            } else {
                false
            }
        }
    }
}

/// A list or tuple.
public struct TemplateList: Sendable, Equatable {
    let items: [TemplateValue]
    let depth: Int
    let size: Int

    init(_ items: [TemplateValue]) {
        self.items = items
        depth = 1 + (items.lazy.map(\.depth).max() ?? 0)
        size = items.lazy.map(\.size).reduce(1, saturatingSum)
    }
}

/// A dictionary with text for keys, in order of insertion.
public struct TemplateDictionary: Sendable, Equatable {
    let entries: [(key: TemplateString, value: TemplateValue)]
    let depth: Int
    let size: Int
    private let places: [TemplateString: Int]

    /// Of equal keys the last value counts, at the first one's place, as in Python.
    init(_ entries: [(key: TemplateString, value: TemplateValue)]) {
        var places: [TemplateString: Int] = [:]
        var kept: [(key: TemplateString, value: TemplateValue)] = []
        for entry in entries {
            if let place = places[entry.key] {
                kept[place].value = entry.value
            } else {
                places[entry.key] = kept.count
                kept.append(entry)
            }
        }
        self.entries = kept
        self.places = places
        depth = 1 + (kept.lazy.map(\.value.depth).max() ?? 0)
        size = kept.lazy.map { $0.key.characters.count + $0.value.size }.reduce(1, saturatingSum)
    }

    init(named entries: [(String, TemplateValue)]) {
        self.init(entries.map { (TemplateString(trusted: $0.0), $0.1) })
    }

    subscript(key: TemplateString) -> TemplateValue? { places[key].map { entries[$0].value } }

    public static func == (left: TemplateDictionary, right: TemplateDictionary) -> Bool {
        left.entries.count == right.entries.count && left.entries.allSatisfy { right[$0.key] == $0.value }
    }
}

/// Lists that hold one another twice double in size with every level.
private func saturatingSum(_ left: Int, _ right: Int) -> Int {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
}

/// A handle to what the evaluator keeps: values hold no references, so none can hold itself.
public struct TemplateReference: Sendable, Equatable {
    enum Target: Equatable {
        case namespace(Int)
        case macro(Int)
        case function(TemplateFunction)
    }

    let target: Target
}
