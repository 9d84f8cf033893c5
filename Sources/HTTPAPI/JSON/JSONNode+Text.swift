import Models

extension JSONNode {
    /// Compact JSON: no spaces, slashes and letters beyond ASCII as they are.
    var text: String {
        var text = ""
        write(to: &text)
        return text
    }

    private func write(to text: inout String) {
        switch self {
        case .null: text += "null"
        case .bool(let flag): text += flag ? "true" : "false"
        case .int(let value): text += String(value)
        // JSON has no infinities; what a logarithm of zero means, vLLM writes as -9999.
        case .number(let value): text += value.isFinite ? "\(value)" : "-9999.0"
        case .string(let value): JSONString.write(value, to: &text)
        case .array(let values): Self.write(values, between: ("[", "]"), to: &text) { $0.write(to: &$1) }
        case .object(let members):
            Self.write(members, between: ("{", "}"), to: &text) { member, text in
                JSONString.write(member.key, to: &text)
                text += ":"
                member.value.write(to: &text)
            }
        }
    }

    private static func write<Element>(
        _ elements: [Element], between brackets: (String, String), to text: inout String,
        each: (Element, inout String) -> Void
    ) {
        text += brackets.0
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            each(element, &text)
        }
        text += brackets.1
    }
}
