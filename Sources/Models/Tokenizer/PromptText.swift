/// A rendered prompt whose pieces remember whether they came from the template (trusted) or from a message.
///
/// Only trusted text can become a special token: what a person types stays words, whatever it looks like.
public struct PromptText: Sendable, Hashable {
    public struct Piece: Sendable, Hashable {
        public var text: String
        public var isTrusted: Bool

        public init(text: String, isTrusted: Bool) {
            self.text = text
            self.isTrusted = isTrusted
        }
    }

    public var pieces: [Piece]

    public init(pieces: [Piece] = []) { self.pieces = pieces }

    /// Text from a template or from our own code, never from a request.
    public init(trusted: String) { pieces = [Piece(text: trusted, isTrusted: true)] }

    /// All pieces joined.
    public var plain: String { pieces.map(\.text).joined() }

    /// Replaces the i-th trusted occurrence of `marker` by `replacements[i]`, which is trusted in turn.
    ///
    /// - Throws: `PromptTextError.markerCount` when the prompt does not hold one marker for each replacement.
    public func replacing(_ marker: String, with replacements: [String]) throws(PromptTextError) -> PromptText {
        precondition(!marker.isEmpty, "an empty marker is everywhere")
        let pattern = Array(marker.utf8)
        let source = SourceText(self)
        var result = SourceText()
        var found = 0
        var position = 0
        while position < source.utf8.count {
            let end = position + pattern.count
            guard end <= source.utf8.count, source.utf8[position] == pattern[0],
                source.utf8[position..<end].elementsEqual(pattern), source.isTrusted(position..<end)
            else {
                result.append(byte: source.utf8[position], isTrusted: source.trusted[position])
                position += 1
                continue
            }
            if found < replacements.count { result.append(replacements[found], isTrusted: true) }
            found += 1
            position = end
        }
        guard found == replacements.count else {
            throw .markerCount(marker: marker, found: found, expected: replacements.count)
        }
        return PromptText(result)
    }
}

public enum PromptTextError: Error, Equatable, CustomStringConvertible {
    case markerCount(marker: String, found: Int, expected: Int)

    public var description: String {
        switch self {
        case .markerCount(let marker, let found, let expected):
            "The rendered prompt holds \(found) \(marker) markers where \(expected) images are given: "
                + "does the chat template fit this model?"
        }
    }
}
