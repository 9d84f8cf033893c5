/// Reads the part of regular expressions that `NamePattern` knows.
struct NamePatternParser {
    private typealias Node = NamePattern.Node

    private let bytes: [UInt8]
    private var position = 0
    /// Groups around the present place.
    private var depth = 0

    private static let deepest = 16

    private init(_ expression: String) { bytes = Array(expression.utf8) }

    /// Nil for what is not understood.
    static func parse(_ expression: String) -> NamePattern.Node? {
        guard expression.utf8.count <= NamePattern.longest else { return nil }
        var parser = NamePatternParser(expression)
        guard let node = parser.alternatives(), parser.position == parser.bytes.count else { return nil }
        return node
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ text: String) -> Bool {
        guard bytes[position...].starts(with: text.utf8) else { return false }
        position += text.utf8.count
        return true
    }

    private mutating func alternatives() -> Node? {
        var nodes: [Node] = []
        repeat {
            guard let node = sequence() else { return nil }
            nodes.append(node)
        } while take("|")
        return nodes.count == 1 ? nodes[0] : .alternatives(nodes)
    }

    private mutating func sequence() -> Node? {
        var nodes: [Node] = []
        while let byte = next, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            guard let atom = atom(), let node = repeated(atom) else { return nil }
            nodes.append(node)
        }
        return .sequence(nodes)
    }

    private mutating func repeated(_ node: Node) -> Node? {
        let result: Node
        if take("*") {
            result = .repeated(node, least: 0, isEndless: true)
        } else if take("+") {
            result = .repeated(node, least: 1, isEndless: true)
        } else if take("?") {
            result = .repeated(node, least: 0, isEndless: false)
        } else {
            return node
        }
        // Lazy finds the same ends as greedy.
        _ = take("?")
        return Self.repeats(node) ? nil : result
    }

    private mutating func atom() -> Node? {
        if take("^") { return .start }
        if take("$") { return .end }
        if take(".") { return .byte(NamePattern.anyByte) }
        if take("[") { return characterClass() }
        if take("(?:") { return group() }
        if take("(?!") { return ahead(isWanted: false) }
        if take("(?=") { return ahead(isWanted: true) }
        if take("(?") { return nil }
        if take("(") { return group() }
        if take("\\") { return escaped().map(Node.byte) }
        guard let byte = next, !"*+?{}])".utf8.contains(byte) else { return nil }
        position += 1
        return .byte([byte])
    }

    private mutating func group() -> Node? {
        guard depth < Self.deepest else { return nil }
        depth += 1
        defer { depth -= 1 }
        guard let node = alternatives(), take(")") else { return nil }
        return node
    }

    private mutating func ahead(isWanted: Bool) -> Node? {
        // Held against each start by itself: within another, or a repetition, that would multiply.
        guard let node = group(), !Self.looksAhead(node) else { return nil }
        return .ahead(node, isWanted: isWanted)
    }

    private mutating func escaped() -> Set<UInt8>? {
        guard let byte = next else { return nil }
        position += 1
        switch byte {
        case UInt8(ascii: "d"): return Self.digits
        case UInt8(ascii: "w"): return Self.letters.union(Self.digits).union("_".utf8)
        case UInt8(ascii: "s"): return Set(" \t\n\r\u{B}\u{C}".utf8)
        default: return Self.letters.contains(byte) || Self.digits.contains(byte) ? nil : [byte]
        }
    }

    private mutating func characterClass() -> Node? {
        let isNegated = take("^")
        var meant: Set<UInt8> = []
        repeat {
            guard let first = next else { return nil }
            if take("\\") {
                guard let part = escaped() else { return nil }
                meant.formUnion(part)
                continue
            }
            position += 1
            let isRange =
                next == UInt8(ascii: "-") && position + 1 < bytes.count && bytes[position + 1] != UInt8(ascii: "]")
            guard isRange else {
                meant.insert(first)
                continue
            }
            let last = bytes[position + 1]
            position += 2
            guard first <= last, last != UInt8(ascii: "\\") else { return nil }
            meant.formUnion(first...last)
        } while !take("]")
        return .byte(isNegated ? NamePattern.anyByte.subtracting(meant) : meant)
    }

    private static let digits = Set("0123456789".utf8)
    private static let letters = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)

    /// Whether something in `node` is repeated, or looks ahead, which a repetition must not do again.
    private static func repeats(_ node: Node) -> Bool {
        switch node {
        case .repeated(_, _, let isEndless): isEndless
        case .sequence(let nodes), .alternatives(let nodes): nodes.contains(where: repeats)
        case .ahead: true
        case .byte, .start, .end: false
        }
    }

    private static func looksAhead(_ node: Node) -> Bool {
        switch node {
        case .ahead: true
        case .sequence(let nodes), .alternatives(let nodes): nodes.contains(where: looksAhead)
        case .repeated(let node, _, _): looksAhead(node)
        case .byte, .start, .end: false
        }
    }
}
