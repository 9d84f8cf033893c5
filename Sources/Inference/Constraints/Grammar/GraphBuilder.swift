/// Writes patterns out as a graph.
struct GraphBuilder {
    private var edges: [[GrammarGraph.Edge]] = []
    private var horizon: [Int32] = []
    private var sets: [ByteSet] = []
    private var setNumbers: [ByteSet: Int32] = [:]
    private var spellings: [ScalarSet: ScalarSpelling] = [:]
    /// Start and end of each rule.
    private var rules: [(start: Int32, end: Int32)] = []

    private init() {}

    /// The graph of `rules`, the first of which is the whole text.
    static func graph(of rules: [Pattern]) throws(ConstraintError) -> GrammarGraph {
        var builder = GraphBuilder()
        for _ in rules { builder.rules.append((try builder.node(), try builder.node())) }
        for (rule, pattern) in zip(builder.rules, rules) { try builder.write(pattern, rule.start, rule.end) }
        return try builder.finished()
    }

    private mutating func finished() throws(ConstraintError) -> GrammarGraph {
        var isEnd = [Bool](repeating: false, count: edges.count)
        for rule in rules { isEnd[Int(rule.end)] = true }
        var analysis = GraphAnalysis(edges: edges, isEnd: isEnd)
        let needed = analysis.neededFrames()
        let start = rules[0].start
        guard needed[Int(start)] < ConstraintLimits.frames else {
            throw .unsatisfiable(reason: "every text that it describes goes on for ever or nests too deep")
        }
        // What leads nowhere is left out, so that whoever reads can always come to an end.
        let useful = edges.map { $0.filter { GraphAnalysis.isUseful($0, needed) } }
        analysis = GraphAnalysis(edges: useful, isEnd: isEnd)
        guard !analysis.isLeftRecursive() else {
            throw .unsatisfiable(reason: "a rule begins with itself (left recursion), which is not supported")
        }
        var edgeStart: [Int32] = [0]
        for list in useful { edgeStart.append(edgeStart[edgeStart.count - 1] + Int32(list.count)) }
        return GrammarGraph(
            start: start, edgeStart: edgeStart, edges: useful.flatMap { $0 }, isEnd: isEnd, neededFrames: needed,
            horizon: horizon, classes: ByteClasses(sets))
    }

    private mutating func node() throws(ConstraintError) -> Int32 {
        guard edges.count < ConstraintLimits.nodes else {
            throw .tooLarge(what: "it has too many parts or counts too far", limit: ConstraintLimits.nodes)
        }
        edges.append([])
        horizon.append(Int32(horizon.count))
        return Int32(edges.count - 1)
    }

    private mutating func connect(_ from: Int32, _ to: Int32) {
        edges[Int(from)].append(.init(kind: .nothing, detail: 0, target: to))
    }

    private mutating func connect(_ from: Int32, _ to: Int32, by set: ByteSet) {
        let number = setNumbers[set] ?? Int32(sets.count)
        if number == sets.count {
            sets.append(set)
            setNumbers[set] = number
        }
        edges[Int(from)].append(.init(kind: .bytes, detail: number, target: to))
    }

    /// Adds what leads from `from` to `to` by reading a text of `pattern`. Nothing is added that leads back to `from`.
    private mutating func write(_ pattern: Pattern, _ from: Int32, _ to: Int32) throws(ConstraintError) {
        switch pattern {
        case .empty: connect(from, to)
        case .literal(let bytes):
            try write(bytes.map { ByteSet($0...$0) }, from, to)
        case .scalar(let set): try write(set, from, to)
        case .sequence(let parts):
            var place = from
            for (index, part) in parts.enumerated() {
                let next = index == parts.count - 1 ? to : try node()
                try write(part, place, next)
                place = next
            }
            if parts.isEmpty { connect(from, to) }
        case .choice(let parts):
            for part in parts { try write(part, from, to) }
        case .repeated(let part, let least, let most): try write(part, least, most, from, to)
        case .list(let list): try write(list, from, to)
        case .rule(let number):
            edges[Int(from)].append(.init(kind: .call, detail: to, target: rules[number].start))
        }
    }

    private mutating func write(_ bytes: [ByteSet], _ from: Int32, _ to: Int32) throws(ConstraintError) {
        var place = from
        for (index, set) in bytes.enumerated() {
            let next = index == bytes.count - 1 ? to : try node()
            connect(place, next, by: set)
            place = next
        }
        if bytes.isEmpty { connect(from, to) }
    }

    private mutating func write(_ set: ScalarSet, _ from: Int32, _ to: Int32) throws(ConstraintError) {
        let spelling = spellings[set] ?? ScalarSpelling(set)
        spellings[set] = spelling
        var nodes: [Int32] = []
        for step in spelling.steps {
            let new = try node()
            connect(new, step.next.map { nodes[$0] } ?? to, by: step.bytes)
            nodes.append(new)
        }
        for lead in spelling.leads { connect(from, lead.next.map { nodes[$0] } ?? to, by: lead.bytes) }
    }

    // MARK: Repetition

    private mutating func write(
        _ part: Pattern, _ least: Int, _ most: Int?, _ from: Int32, _ to: Int32
    ) throws(ConstraintError) {
        var place = from
        var copies: [Int32] = []
        for copy in 0..<least {
            copies.append(Int32(edges.count))
            let next = copy == least - 1 && most == least ? to : try node()
            try write(part, place, next)
            place = next
        }
        share(copies, endsAt: least)
        if most == least {
            if least == 0 { connect(from, to) }
            return
        }
        guard let most else {
            // A loop has a node of its own, so that nothing else comes back into it.
            let loop = try node()
            connect(place, loop)
            try write(part, loop, loop)
            connect(loop, to)
            return
        }
        copies = []
        for _ in least..<most {
            copies.append(Int32(edges.count))
            connect(place, to)
            let next = try node()
            try write(part, place, next)
            place = next
        }
        connect(place, to)
        share(copies, endsAt: most - least)
    }

    /// Lets copies that are far from the last behave like one that is nearer. `copies`: their first nodes, all of one size.
    private mutating func share(_ copies: [Int32], endsAt count: Int) {
        let nearest = count - ConstraintLimits.tokenBytes - 2
        guard nearest > 0 else { return }
        let size = copies[1] - copies[0]
        let isPlain = (copies[0]..<copies[0] + size).allSatisfy { horizon[Int($0)] == $0 }
        guard isPlain else { return }
        for copy in copies[..<nearest] {
            for offset in 0..<size { horizon[Int(copy + offset)] = copies[nearest] + offset }
        }
    }

    // MARK: Lists

    /// Two chains of places: before the first item that is there, and after one. Each item is written once, entered from
    /// both and left into the second.
    private mutating func write(_ list: SeparatedList, _ from: Int32, _ to: Int32) throws(ConstraintError) {
        var none = try node(), some: Int32?
        let closing = try node()
        let end = try node()
        try write(list.opening, from, none)
        try write(list.space, closing, end)
        try write(list.closing, end, to)
        for item in list.items {
            let entry = try node(), exit = try node()
            connect(none, entry)
            if let some { try write(list.separator, some, entry) }
            try write(.sequence([list.space, item.pattern]), entry, exit)
            if !item.isRequired {
                if list.isPositional {
                    connect(none, end)
                    if let some { connect(some, closing) }
                } else if let some {
                    connect(some, exit)
                }
            }
            let isSkipped = !item.isRequired && !list.isPositional
            if !isSkipped { none = try node() }
            some = exit
        }
        try write(list.rest, after: (none, some), of: list, to: (closing, end))
    }

    private mutating func write(
        _ rest: Pattern?, after places: (none: Int32, some: Int32?), of list: SeparatedList,
        to ends: (closing: Int32, end: Int32)
    ) throws(ConstraintError) {
        connect(places.none, ends.end)
        guard let rest else {
            if let some = places.some { connect(some, ends.closing) }
            return
        }
        let entry = try node(), exit = try node()
        connect(places.none, entry)
        if let some = places.some { try write(list.separator, some, entry) }
        try write(.sequence([list.space, rest]), entry, exit)
        try write(list.separator, exit, entry)
        connect(exit, ends.closing)
        if let some = places.some { connect(some, ends.closing) }
    }
}
