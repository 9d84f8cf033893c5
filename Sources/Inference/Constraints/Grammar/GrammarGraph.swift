/// A grammar as a graph: places in a text that is being read, and the edges that bytes, choices and rules take to others.
///
/// A recursive transition network: an edge that calls a rule goes on at the rule's start, and at its end returns to the
/// place after the call. `LazyAutomaton` reads with it.
struct GrammarGraph: Sendable {
    struct Edge: Sendable {
        enum Kind: UInt8, Sendable { case bytes, nothing, call }

        let kind: Kind
        /// The number of a byte set, or the place after a call.
        let detail: Int32
        let target: Int32
    }

    let start: Int32
    /// Edges of node n: `edges[edgeStart[n]..<edgeStart[n + 1]]`.
    let edgeStart: [Int32]
    let edges: [Edge]
    /// Whether a rule, or the grammar, ends here.
    let isEnd: [Bool]
    /// Calls that a text needs within one another, at least, to come from here to the end of its rule; `unreachable` if
    /// no text does.
    let neededFrames: [Int32]
    /// A node that behaves alike for the next `ConstraintLimits.tokenBytes` bytes: counted repetitions are the same far
    /// from their ends, and share their masks.
    let horizon: [Int32]
    /// Bytes that no edge tells apart have one class.
    let classes: ByteClasses

    static let unreachable = Int32.max / 4

    func edges(of node: Int32) -> ArraySlice<Edge> {
        edges[Int(edgeStart[Int(node)])..<Int(edgeStart[Int(node) + 1])]
    }

    /// Whether nothing but the end of its rule comes here, so that a call before it needs no return.
    func isPureEnd(_ node: Int32) -> Bool {
        isEnd[Int(node)] && edgeStart[Int(node)] == edgeStart[Int(node) + 1]
    }
}

/// A partition of the bytes by the sets that are in use.
struct ByteClasses: Sendable {
    let count: Int
    /// Of each byte.
    let of: [UInt8]
    /// Of each byte set, the classes within it.
    private let members: [ByteSet]

    init(_ sets: [ByteSet]) {
        // The space has a class of its own for texts whose first spaces are not counted.
        let space = ByteSet(0x20...0x20)
        var of = [Int](repeating: 0, count: 256)
        var count = 1
        for set in sets + [space] {
            var isSplit = [Bool](repeating: false, count: 256)
            var half = [Int](repeating: -1, count: 256)
            for byte in 0..<256 where !set.contains(UInt8(byte)) { isSplit[of[byte]] = true }
            for byte in 0..<256 where set.contains(UInt8(byte)) && isSplit[of[byte]] {
                let whole = of[byte]
                if half[whole] < 0 {
                    half[whole] = count
                    count += 1
                }
                of[byte] = half[whole]
            }
        }
        self.count = count
        self.of = of.map { UInt8($0) }
        members = sets.map { set in
            var classes = ByteSet()
            for byte in 0..<256 where set.contains(UInt8(byte)) { classes.insert(UInt8(of[byte])) }
            return classes
        }
    }

    func contains(_ class: Int, set: Int32) -> Bool { members[Int(set)].contains(UInt8(`class`)) }
}
