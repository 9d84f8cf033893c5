/// Finds added tokens in text: at every place the longest that is allowed there, from left to right.
struct AddedTokenMatcher: Sendable {
    enum Segment: Equatable {
        case token(Int32)
        case text(Range<Int>)
    }

    private let tokens: [TokenizerFile.AddedToken]
    /// A trie of the tokens' bytes: (node << 8 | byte) to node. Node 0 is the root.
    private var edges: [Int: Int] = [:]
    /// The token that ends at each node.
    private var ending: [Int?] = [nil]
    private var startsToken = [Bool](repeating: false, count: 256)

    /// - Parameter tokens: what to look for, with the text to look for.
    init(_ tokens: [TokenizerFile.AddedToken]) {
        self.tokens = tokens
        for (index, token) in tokens.enumerated() where !token.content.isEmpty {
            var node = 0
            for byte in token.content.utf8 {
                let edge = node << 8 | Int(byte)
                if edges[edge] == nil {
                    edges[edge] = ending.count
                    ending.append(nil)
                }
                node = edges[edge] ?? 0
            }
            ending[node] = index
            if let first = token.content.utf8.first { startsToken[Int(first)] = true }
        }
    }

    var isEmpty: Bool { tokens.isEmpty }

    /// Cuts `source` into added tokens and the text between them.
    ///
    /// A special token is found only where every byte of it is trusted; untrusted bytes cannot hide one either,
    /// because a match that is not allowed does not count as the longest.
    func segments(of source: SourceText) -> [Segment] {
        let bytes = source.utf8
        var segments: [Segment] = []
        var textStart = 0
        var position = 0
        while position < bytes.count {
            guard startsToken[Int(bytes[position])], let match = longestMatch(in: source, at: position) else {
                position += 1
                continue
            }
            let token = tokens[match.token]
            position = match.end
            if token.singleWord, touchesWord(bytes, match.start..<match.end) { continue }
            let start = token.lstrip ? max(spaceStart(bytes, before: match.start), textStart) : match.start
            let end = token.rstrip ? spaceEnd(bytes, from: match.end) : match.end
            if textStart < start { segments.append(.text(textStart..<start)) }
            segments.append(.token(Int32(token.id)))
            textStart = end
        }
        if textStart < bytes.count { segments.append(.text(textStart..<bytes.count)) }
        return segments
    }

    private func longestMatch(in source: SourceText, at start: Int) -> (token: Int, start: Int, end: Int)? {
        var best: (token: Int, start: Int, end: Int)?
        var node = 0
        var allTrusted = true
        for position in start..<source.utf8.count {
            guard let child = edges[node << 8 | Int(source.utf8[position])] else { break }
            node = child
            allTrusted = allTrusted && source.trusted[position]
            if let token = ending[node], allTrusted || !tokens[token].special { best = (token, start, position + 1) }
        }
        return best
    }

    private func touchesWord(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        let before = range.lowerBound > 0 && isWord(UTF8Sequence.scalar(in: bytes, before: range.lowerBound).scalar)
        return before
            || range.upperBound < bytes.count
                && isWord(UTF8Sequence.scalar(in: bytes, at: range.upperBound).scalar)
    }

    /// `\w` of Unicode Technical Standard 18, annex C.
    private func isWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.properties.isAlphabetic || scalar.properties.isJoinControl { return true }
        return switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
        default: false
        }
    }

    private func spaceStart(_ bytes: [UInt8], before end: Int) -> Int {
        var start = end
        while start > 0 {
            let (scalar, length) = UTF8Sequence.scalar(in: bytes, before: start)
            guard scalar.properties.isWhitespace else { break }
            start -= length
        }
        return start
    }

    private func spaceEnd(_ bytes: [UInt8], from start: Int) -> Int {
        var end = start
        while end < bytes.count {
            let (scalar, length) = UTF8Sequence.scalar(in: bytes, at: end)
            guard scalar.properties.isWhitespace else { break }
            end += length
        }
        return end
    }
}
