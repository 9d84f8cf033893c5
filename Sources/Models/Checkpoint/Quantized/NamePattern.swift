/// A pattern for names of modules, matched in time that grows with pattern times name: patterns come from strangers, and
/// engines that try one way after another can be kept busy for years.
///
/// Of regular expressions it knows what checkpoints use: literals, `.`, classes, `\d \w \s` and escaped marks, groups,
/// alternatives, `* + ?`, `^ $`, and looking ahead. No repetition within a repetition, no counts, no references.
struct NamePattern: Sendable {
    indirect enum Node: Sendable {
        /// One byte out of a set.
        case byte(Set<UInt8>)
        case sequence([Node])
        case alternatives([Node])
        case repeated(Node, least: Int, isEndless: Bool)
        case start
        case end
        /// Consumes nothing; whether what follows begins with `Node`.
        case ahead(Node, isWanted: Bool)
    }

    private let node: Node

    /// Longer than any seen.
    static let longest = 1_000
    /// What follows is not looked at.
    private static let longestName = 300
    static let anyByte = Set(UInt8.min...UInt8.max)

    /// Python's `re.match`: from the beginning of a name, but not necessarily to its end. Nil for what is not understood.
    init?(expression: String) {
        guard let node = NamePatternParser.parse(expression) else { return nil }
        self.node = node
    }

    /// `*` for any characters, `?` for one; the whole name.
    init?(wildcards: String) {
        guard wildcards.utf8.count <= Self.longest else { return nil }
        let any = Node.byte(Self.anyByte)
        node = .sequence(
            wildcards.utf8.map { byte in
                switch byte {
                case UInt8(ascii: "*"): .repeated(any, least: 0, isEndless: true)
                case UInt8(ascii: "?"): any
                default: .byte([byte])
                }
            } + [.end])
    }

    func matches(_ name: String) -> Bool {
        let bytes = Array(name.utf8.prefix(Self.longestName))
        return !Self.ends(node, [0], bytes).isEmpty
    }

    /// Where matches of `node` end that begin at one of `starts`, all ways at once.
    private static func ends(_ node: Node, _ starts: Set<Int>, _ name: [UInt8]) -> Set<Int> {
        if starts.isEmpty { return [] }
        switch node {
        case .byte(let meant):
            return Set(starts.lazy.filter { $0 < name.count && meant.contains(name[$0]) }.map { $0 + 1 })
        case .sequence(let nodes): return nodes.reduce(starts) { ends($1, $0, name) }
        case .alternatives(let nodes): return nodes.reduce(into: []) { $0.formUnion(ends($1, starts, name)) }
        case .start: return starts.intersection([0])
        case .end: return starts.intersection([name.count])
        case .ahead(let node, let isWanted): return starts.filter { ends(node, [$0], name).isEmpty != isWanted }
        case .repeated(let node, let least, let isEndless):
            var found = least == 0 ? starts : []
            var frontier = starts
            repeat {
                frontier = ends(node, frontier, name).subtracting(found)
                found.formUnion(frontier)
            } while isEndless && !frontier.isEmpty
            return found
        }
    }
}
