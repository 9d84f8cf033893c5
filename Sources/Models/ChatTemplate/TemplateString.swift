/// Text in which every character remembers whether the template or a message wrote it.
///
/// Slicing, trimming, replacing and joining move characters about; each takes its mark along, so no operation needs
/// a rule of its own. Indices count Unicode scalars, as Python's do.
public struct TemplateString: Sendable, Hashable {
    /// A scalar, and its mark in the topmost bit, which scalars leave free.
    struct Character: Sendable, Hashable {
        private static let untrusted: UInt32 = 1 << 31
        private let bits: UInt32

        init(_ scalar: Unicode.Scalar, isTrusted: Bool) { bits = scalar.value | (isTrusted ? 0 : Self.untrusted) }

        var scalar: Unicode.Scalar { Unicode.Scalar(bits & ~Self.untrusted) ?? "\u{FFFD}" }
        var isTrusted: Bool { bits & Self.untrusted == 0 }

        /// Another scalar that this one became (upper case, an escape), equally trusted.
        func becoming(_ scalar: Unicode.Scalar) -> Character { Character(scalar, isTrusted: isTrusted) }

        /// Comparing is about text: a user's "a" is the template's "a".
        static func == (left: Character, right: Character) -> Bool { left.scalar == right.scalar }
        func hash(into hasher: inout Hasher) { hasher.combine(scalar) }
    }

    var characters: [Character]

    init(_ characters: some Sequence<Character> = []) { self.characters = Array(characters) }

    init(scalars: some Sequence<Unicode.Scalar>, isTrusted: Bool) {
        characters = scalars.map { Character($0, isTrusted: isTrusted) }
    }

    /// Text from a template or from our own code.
    public init(trusted text: String) { self.init(scalars: text.unicodeScalars, isTrusted: true) }

    /// Text from a request: it never becomes a special token.
    public init(untrusted text: String) { self.init(scalars: text.unicodeScalars, isTrusted: false) }

    var plain: String {
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: characters.lazy.map(\.scalar))
        return String(scalars)
    }

    static func + (left: TemplateString, right: TemplateString) -> TemplateString {
        TemplateString(left.characters + right.characters)
    }

    /// What `str.isspace` of Python holds for whitespace: White_Space and the four information separators.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }

    func trimmed(start: Bool = true, end: Bool = true, of strip: (Unicode.Scalar) -> Bool = isSpace) -> TemplateString {
        var rest = characters[...]
        if start { rest = rest.drop { strip($0.scalar) } }
        while end, let last = rest.last, strip(last.scalar) { rest.removeLast() }
        return TemplateString(rest)
    }

    /// Where `part` begins, from `start` on; an empty `part` is found at once.
    ///
    /// The search of Knuth, Morris and Pratt (1977): a hostile `part` costs no more than an honest one.
    func firstIndex(of part: TemplateString, from start: Int = 0) -> Int? {
        let part = part.characters
        guard !part.isEmpty else { return start <= characters.count ? start : nil }
        // For every prefix, the length of its longest border.
        var borders = [0]
        for index in part.indices.dropFirst() {
            var border = borders[index - 1]
            while border > 0, part[border] != part[index] { border = borders[border - 1] }
            borders.append(part[border] == part[index] ? border + 1 : 0)
        }
        var matched = 0
        for index in characters.indices.dropFirst(start) {
            while matched > 0, part[matched] != characters[index] { matched = borders[matched - 1] }
            if part[matched] == characters[index] { matched += 1 }
            if matched == part.count { return index + 1 - matched }
        }
        return nil
    }

    /// Python's `str.split(separator, limit)`; `separator` is not empty.
    func split(on separator: TemplateString, limit: Int) -> [TemplateString] {
        var parts: [TemplateString] = []
        var start = 0
        while limit < 0 || parts.count < limit, let found = firstIndex(of: separator, from: start) {
            parts.append(TemplateString(characters[start..<found]))
            start = found + separator.characters.count
        }
        return parts + [TemplateString(characters[start...])]
    }

    /// Python's `str.split()`: words between runs of whitespace.
    func words() -> [TemplateString] {
        characters.split { Self.isSpace($0.scalar) }.map { TemplateString($0) }
    }

    func uppercased() -> TemplateString { mapped { $0.uppercaseMapping } }
    func lowercased() -> TemplateString { mapped { $0.lowercaseMapping } }

    func capitalized() -> TemplateString {
        TemplateString(characters.prefix(1)).mapped { $0.titlecaseMapping }
            + TemplateString(characters.dropFirst()).lowercased()
    }

    /// Python's `str.title`: the first letter of every run of letters.
    func titlecased() -> TemplateString {
        var inWord = false
        return mapped { properties in
            defer { inWord = properties.isCased }
            return inWord ? properties.lowercaseMapping : properties.titlecaseMapping
        }
    }

    /// Jinja's `title` filter: what follows whitespace, a hyphen or an opening bracket.
    func wordsCapitalized() -> TemplateString {
        let openers: Set<Unicode.Scalar> = ["-", "(", "{", "[", "<"]
        var inWord = false
        return TemplateString(
            characters.flatMap { character in
                let properties = character.scalar.properties
                let mapping = inWord ? properties.lowercaseMapping : properties.uppercaseMapping
                inWord = !Self.isSpace(character.scalar) && !openers.contains(character.scalar)
                return mapping.unicodeScalars.map(character.becoming)
            })
    }

    private func mapped(_ mapping: (Unicode.Scalar.Properties) -> String) -> TemplateString {
        TemplateString(
            characters.flatMap { character in
                mapping(character.scalar.properties).unicodeScalars.map(character.becoming)
            })
    }
}

extension PromptText {
    /// Pieces as long as their trust allows.
    init(_ string: TemplateString) {
        pieces = []
        var rest = string.characters[...]
        while let isTrusted = rest.first?.isTrusted {
            let piece = rest.prefix { $0.isTrusted == isTrusted }
            pieces.append(Piece(text: TemplateString(piece).plain, isTrusted: isTrusted))
            rest = rest[piece.endIndex...]
        }
    }
}
