/// What must be known of a graph before it is read with.
struct GraphAnalysis {
    private let edges: [[GrammarGraph.Edge]]
    private let isEnd: [Bool]
    /// Of each node, those whose edges lead to it or call it or return to it.
    private let sources: [[Int32]]

    init(edges: [[GrammarGraph.Edge]], isEnd: [Bool]) {
        self.edges = edges
        self.isEnd = isEnd
        var sources = [[Int32]](repeating: [], count: edges.count)
        for (node, list) in edges.enumerated() {
            for edge in list {
                sources[Int(edge.target)].append(Int32(node))
                if edge.kind == .call { sources[Int(edge.detail)].append(Int32(node)) }
            }
        }
        self.sources = sources
    }

    static func isUseful(_ edge: GrammarGraph.Edge, _ needed: [Int32]) -> Bool {
        needed[Int(edge.target)] < ConstraintLimits.frames
            && (edge.kind != .call || needed[Int(edge.detail)] < ConstraintLimits.frames)
    }

    /// The least depth of calls from each node to the end of its rule. A value can only fall, and at most to 0, so
    /// following every fall back to its sources ends soon.
    func neededFrames() -> [Int32] {
        var needed = isEnd.map { $0 ? 0 : GrammarGraph.unreachable }
        fall(isEnd.indices.filter { isEnd[$0] }.map { Int32($0) }) { node in
            let least = edges[Int(node)].reduce(needed[Int(node)]) { least, edge in
                let target = needed[Int(edge.target)]
                return min(least, edge.kind == .call ? max(target + 1, needed[Int(edge.detail)]) : target)
            }
            guard least < needed[Int(node)], least <= ConstraintLimits.frames else { return false }
            needed[Int(node)] = least
            return true
        }
        return needed
    }

    /// Calls `update` for the sources of `start`, and for those of every node for which it is true.
    private func fall(_ start: [Int32], update: (Int32) -> Bool) {
        var work = start
        while let node = work.popLast() {
            for source in sources[Int(node)] where update(source) { work.append(source) }
        }
    }

    /// Nodes from which a rule may end without reading anything.
    private func endsWithoutBytes() -> [Bool] {
        var ends = isEnd
        fall(isEnd.indices.filter { isEnd[$0] }.map { Int32($0) }) { node in
            guard !ends[Int(node)] else { return false }
            ends[Int(node)] = edges[Int(node)].contains { edge in
                switch edge.kind {
                case .bytes: false
                case .nothing: ends[Int(edge.target)]
                case .call: ends[Int(edge.target)] && ends[Int(edge.detail)]
                }
            }
            return ends[Int(node)]
        }
        return ends
    }

    /// Whether a node can call its way back to itself without reading anything, for ever deeper.
    func isLeftRecursive() -> Bool {
        let ends = endsWithoutBytes()
        // Depth first, without recursion: a node that is met again while it is open closes a circle, which is harmless
        // unless a call is part of it; so circles are looked for among starts of rules only.
        var calls: [Int32: Set<Int32>] = [:]
        let starts = Set(edges.joined().lazy.filter { $0.kind == .call }.map(\.target))
        for start in starts {
            var seen: Set<Int32> = [start], work = [start]
            while let node = work.popLast() {
                for edge in edges[Int(node)] {
                    switch edge.kind {
                    case .bytes: continue
                    case .nothing: if seen.insert(edge.target).inserted { work.append(edge.target) }
                    case .call:
                        calls[start, default: []].insert(edge.target)
                        if ends[Int(edge.target)], seen.insert(edge.detail).inserted { work.append(edge.detail) }
                    }
                }
            }
        }
        return Self.hasCircle(calls)
    }

    /// Whether some of `calls` come back: takes away what calls nothing that is left, until nothing is left or a circle.
    private static func hasCircle(_ calls: [Int32: Set<Int32>]) -> Bool {
        var callers: [Int32: [Int32]] = [:]
        var open: [Int32: Int] = [:]
        for (caller, callees) in calls {
            open[caller] = callees.count
            for callee in callees { callers[callee, default: []].append(caller) }
        }
        var work = callers.keys.filter { open[$0] == nil }
        var removed = 0
        while let callee = work.popLast() {
            for caller in callers[callee] ?? [] {
                open[caller]? -= 1
                if open[caller] == 0 {
                    removed += 1
                    work.append(caller)
                }
            }
        }
        return removed < open.count
    }
}
