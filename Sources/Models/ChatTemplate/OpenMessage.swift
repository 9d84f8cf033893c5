/// The last text of a conversation's final message, marked so that its end is found in what a template makes of it.
struct OpenMessage {
    /// Trusted, as no message's text is; the space at its end shows whether the template trims texts.
    private static let mark = TemplateString(trusted: "CONTINUED_HERE ")

    let message: Int
    let part: Int
    private let text: TemplateString

    /// Nil when the final message has no text.
    init?(_ messages: [ChatMessage]) {
        guard let last = messages.last else { return nil }
        message = messages.count - 1
        for (index, part) in last.content.enumerated().reversed() {
            guard case .text(let text) = part else { continue }
            self.part = index
            self.text = TemplateString(untrusted: text)
            return
        }
        return nil
    }

    var marked: TemplateString { text + Self.mark }

    /// `rendered` up to the mark; nil when the template dropped it, or part of the text before it.
    func cut(_ rendered: TemplateString) -> TemplateString? {
        let (all, mark) = (rendered.characters, Self.mark.trimmed().characters)
        guard all.count >= mark.count else { return nil }
        let place = (0...all.count - mark.count).last { start in
            let candidate = all[start..<start + mark.count]
            return candidate.elementsEqual(mark) && candidate.allSatisfy(\.isTrusted)
        }
        guard let place else { return nil }
        var before = TemplateString(all[..<place])
        if !all[place...].starts(with: Self.mark.characters) { before = before.trimmed(start: false) }
        return before.firstIndex(of: text.trimmed()) == nil ? nil : before
    }
}
