/// What is done to an answer before it becomes a caption; the queue keeps the answer as the model gave it.
public enum TextStep: String, Sendable, Hashable, Codable, CaseIterable {
    /// No white space at either end.
    case trim
    /// Every run of white space, line breaks included, becomes one space.
    case singleLine = "single-line"
    /// Runs of spaces and tabs become one space and runs of empty lines one; line breaks stay.
    case collapse
    /// Items between commas and line breaks, each trimmed and in lower case, without repetitions, joined by ", ".
    case tags

    public func apply(to text: String) -> String {
        switch self {
        case .trim: Self.trimmed(text[...])
        case .singleLine: text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        case .collapse: Self.collapsed(text)
        case .tags: Self.tags(in: text).joined(separator: ", ")
        }
    }

    /// Items of a list that a model wrote, however it separated them: commas, semicolons, bullets, numbers.
    static func tags(in text: String) -> [String] {
        var seen: Set<String> = []
        return text.split(whereSeparator: { ",;".contains($0) || $0.isNewline }).compactMap { item in
            let tag = trimmed(withoutMarker(item)).lowercased()
            let plain = tag.hasSuffix(".") ? String(tag.dropLast()) : tag
            return !plain.isEmpty && seen.insert(plain).inserted ? plain : nil
        }
    }

    /// `item` without the bullet or number ("- ", "2. ", "3) ") that a list's line begins with.
    private static func withoutMarker(_ item: Substring) -> Substring {
        let text = item.drop { "-*• \t".contains($0) }
        let rest = text.drop(while: \.isNumber)
        guard rest.startIndex != text.startIndex, let mark = rest.first, ".)".contains(mark) else { return text }
        return rest.dropFirst()
    }

    private static func trimmed(_ text: Substring) -> String {
        var rest = text.drop(while: \.isWhitespace)
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return String(rest)
    }

    private static func collapsed(_ text: String) -> String {
        var lines: [String] = []
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            if !(words.isEmpty && lines.last?.isEmpty == true) { lines.append(words) }
        }
        return lines.joined(separator: "\n")
    }
}
