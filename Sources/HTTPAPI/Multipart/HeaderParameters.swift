/// A header's value with parameters: `form-data; name="file"; filename="a.jsonl"` (RFC 9110, 5.6.6).
struct HeaderParameters: Equatable {
    /// In lower case.
    let value: String
    /// By their names in lower case.
    private(set) var parameters: [String: String] = [:]

    /// Nil when it is not of this form, or names a parameter twice.
    init?(_ text: String) {
        var rest = Substring(text)
        value = Self.trimmed(Self.take(&rest) { $0 != ";" }).lowercased()
        while true {
            rest = rest.drop { $0 == ";" || $0.isSpaceOrTab }
            guard !rest.isEmpty else { return }
            let name = Self.trimmed(Self.take(&rest) { $0 != "=" && $0 != ";" }).lowercased()
            guard rest.popFirst() == "=", !name.isEmpty, parameters[name] == nil,
                let content = rest.first == "\"" ? Self.quoted(&rest) : Self.trimmed(Self.take(&rest) { $0 != ";" })
            else { return nil }
            parameters[name] = content
        }
    }

    subscript(_ name: String) -> String? { parameters[name] }

    /// A quotation, in which a backslash stands before a quote or a backslash; others are themselves, as browsers send them.
    private static func quoted(_ rest: inout Substring) -> String? {
        rest.removeFirst()
        var content = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"":
                // Only spaces may come before the next parameter.
                guard trimmed(take(&rest) { $0 != ";" }).isEmpty else { return nil }
                return content
            case "\\" where rest.first == "\"" || rest.first == "\\":
                content.append(rest.removeFirst())
            default:
                content.append(character)
            }
        }
        return nil
    }

    private static func take(_ rest: inout Substring, while isWanted: (Character) -> Bool) -> Substring {
        let taken = rest.prefix(while: isWanted)
        rest = rest[taken.endIndex...]
        return taken
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0.isSpaceOrTab }.reversed().drop { $0.isSpaceOrTab }.reversed())
    }
}

extension Character {
    fileprivate var isSpaceOrTab: Bool { self == " " || self == "\t" }
}
