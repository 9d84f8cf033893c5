/// Reads with a grammar's graph, byte by byte, and remembers every state that it comes to.
///
/// A state is the set of all readings of the text so far; a reading is a place in the graph and the calls that it must
/// return from, innermost first (a "frame" each, shared as a linked list). States and steps between them are numbered as they
/// are met, so reading again what was read before is one look into a table.
struct LazyAutomaton: Sendable {
    /// A state that no text leads to.
    static let dead: Int32 = -1
    private static let unknown: Int32 = -2
    /// What lies below all frames: the end of the whole text, or something that is not looked at (`localState`).
    private static let bottom: Int32 = 0
    private static let elsewhere: Int32 = 1

    private struct Frame {
        let returnsTo: Int32
        let below: Int32
        let depth: Int32
    }

    private struct State {
        /// Place and frame of each reading, where a byte can be read.
        let readings: [UInt64]
        /// Whether the whole text may end here.
        let accepts: Bool
        /// Whether all known frames may end here.
        let leaves: Bool
        /// Whether the state has steps of its own, which its readings do not explain.
        var isMadeUp = false
        var local: Int32 = unknown
    }

    let graph: GrammarGraph
    private var frames: [Frame]
    private var frameNumbers: [UInt64: Int32] = [:]
    private var states: [State] = []
    private var stateNumbers: [[UInt64]: Int32] = [:]
    private var steps: [Int32] = []
    private(set) var start: Int32 = dead
    /// Work done since it was set to 0, in places of the graph looked at.
    var effort = 0

    /// How deep frames are taken to lie under what is not looked at. Readings there may call less deep than the real ones,
    /// never deeper.
    static let localDepth = ConstraintLimits.frames - 24

    /// - Parameter spaces: spaces that the beginning of a text loses when it is decoded, which therefore do not count.
    init(_ graph: GrammarGraph, spaces: Int) {
        self.graph = graph
        frames = [
            Frame(returnsTo: 0, below: 0, depth: 0),
            Frame(returnsTo: 0, below: 1, depth: Int32(Self.localDepth)),
        ]
        start = state(after: [(graph.start, Self.bottom)])
        guard start != Self.dead else { return }
        for _ in 0..<spaces { start = stateBeforeSpace(start) }
    }

    var stateCount: Int { states.count }

    func accepts(_ state: Int32) -> Bool { state >= 0 && states[Int(state)].accepts }
    func leaves(_ state: Int32) -> Bool { states[Int(state)].leaves }
    func canGoOn(_ state: Int32) -> Bool { state >= 0 && !states[Int(state)].readings.isEmpty }

    // MARK: Steps

    mutating func step(_ state: Int32, _ byte: UInt8) -> Int32 {
        let type = Int(graph.classes.of[Int(byte)])
        let known = steps[Int(state) * graph.classes.count + type]
        return known == Self.unknown ? newStep(state, type) : known
    }

    private mutating func newStep(_ state: Int32, _ type: Int) -> Int32 {
        guard effort < ConstraintLimits.effort, states.count < ConstraintLimits.mostStates else {
            effort = .max / 2
            return Self.dead
        }
        var places: [(Int32, Int32)] = []
        let readings = states[Int(state)].readings
        effort += readings.count
        for reading in readings {
            let (node, frame) = Self.place(of: reading)
            for edge in graph.edges(of: node)
            where edge.kind == .bytes && graph.classes.contains(type, set: edge.detail) {
                places.append((edge.target, frame))
            }
        }
        let next = places.isEmpty ? Self.dead : self.state(after: places)
        steps[Int(state) * graph.classes.count + type] = next
        return next
    }

    private static func reading(_ node: Int32, _ frame: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: node)) << 32 | UInt64(UInt32(bitPattern: frame))
    }

    private static func place(of reading: UInt64) -> (node: Int32, frame: Int32) {
        (Int32(truncatingIfNeeded: reading >> 32), Int32(truncatingIfNeeded: reading))
    }

    /// The state of all readings that come from `places` without reading a byte.
    private mutating func state(after places: [(Int32, Int32)]) -> Int32 {
        var work = places
        var seen = Set<UInt64>()
        var readings: [UInt64] = []
        var accepts = false, leaves = false
        while let (node, frame) = work.popLast() {
            let depth = frames[Int(frame)].depth
            guard depth + graph.neededFrames[Int(node)] <= ConstraintLimits.frames,
                seen.insert(Self.reading(node, frame)).inserted
            else { continue }
            effort += 1
            if graph.isEnd[Int(node)] {
                switch frame {
                case Self.bottom: accepts = true
                case Self.elsewhere: leaves = true
                default: work.append((frames[Int(frame)].returnsTo, frames[Int(frame)].below))
                }
            }
            var reads = false
            for edge in graph.edges(of: node) {
                switch edge.kind {
                case .bytes: reads = true
                case .nothing: work.append((edge.target, frame))
                case .call:
                    // A call at the end of a rule returns to where the rule would return to: lists of any length stay flat.
                    if graph.isPureEnd(edge.detail) {
                        work.append((edge.target, frame))
                    } else if depth + graph.neededFrames[Int(edge.detail)] <= ConstraintLimits.frames {
                        work.append((edge.target, self.frame(returningTo: edge.detail, below: frame)))
                    }
                }
            }
            if reads { readings.append(Self.reading(node, frame)) }
        }
        guard accepts || leaves || !readings.isEmpty else { return Self.dead }
        return number(of: State(readings: readings.sorted(), accepts: accepts, leaves: leaves))
    }

    private mutating func number(of state: State) -> Int32 {
        let key = state.readings + [(state.accepts ? 1 : 0) | (state.leaves ? 2 : 0)]
        if let known = stateNumbers[key] { return known }
        let number = append(state)
        stateNumbers[key] = number
        return number
    }

    private mutating func append(_ state: State) -> Int32 {
        states.append(state)
        steps.append(contentsOf: repeatElement(Self.unknown, count: graph.classes.count))
        return Int32(states.count - 1)
    }

    private mutating func frame(returningTo node: Int32, below: Int32) -> Int32 {
        let key = Self.reading(node, below)
        if let known = frameNumbers[key] { return known }
        frames.append(Frame(returnsTo: node, below: below, depth: frames[Int(below)].depth + 1))
        frameNumbers[key] = Int32(frames.count - 1)
        return Int32(frames.count - 1)
    }

    /// Like `state`, but a space leads to it.
    private mutating func stateBeforeSpace(_ state: Int32) -> Int32 {
        let copy = states[Int(state)]
        let made = append(
            State(readings: copy.readings, accepts: copy.accepts, leaves: copy.leaves, isMadeUp: true))
        for byte in UInt8.min...UInt8.max {
            let type = Int(graph.classes.of[Int(byte)])
            let next = byte == UInt8(ascii: " ") ? state : step(state, byte)
            steps[Int(made) * graph.classes.count + type] = next
        }
        return made
    }

    // MARK: What depends on the innermost frames only

    /// The state that has the same innermost frames, over something that is not looked at; nil where that would say less
    /// than the real one, near the deepest calls.
    mutating func localState(of state: Int32) -> Int32? {
        if states[Int(state)].isMadeUp { return nil }
        if states[Int(state)].local == Self.unknown { states[Int(state)].local = makeLocalState(of: state) }
        let local = states[Int(state)].local
        return local == Self.dead ? nil : local
    }

    private mutating func makeLocalState(of state: Int32) -> Int32 {
        let readings = states[Int(state)].readings
        guard let first = readings.first else { return Self.dead }
        let common = readings.dropFirst().reduce(Self.place(of: first).frame) {
            commonFrame($0, Self.place(of: $1).frame)
        }
        guard Int(frames[Int(common)].depth) <= Self.localDepth else { return Self.dead }
        var local: Set<UInt64> = []
        for reading in readings {
            let (node, frame) = Self.place(of: reading)
            let moved = move(frame, from: common)
            guard Int(frames[Int(moved)].depth + graph.neededFrames[Int(node)]) <= ConstraintLimits.frames - 12 else {
                return Self.dead
            }
            local.insert(Self.reading(graph.horizon[Int(node)], moved))
        }
        return number(of: State(readings: local.sorted(), accepts: false, leaves: false))
    }

    /// The innermost frame that two have in common.
    private func commonFrame(_ one: Int32, _ other: Int32) -> Int32 {
        var one = one, other = other
        while one != other {
            if frames[Int(one)].depth >= frames[Int(other)].depth {
                one = frames[Int(one)].below
            } else {
                other = frames[Int(other)].below
            }
        }
        return one
    }

    /// The same frames down to `common`, in whose place there is something that is not looked at.
    private mutating func move(_ frame: Int32, from common: Int32) -> Int32 {
        if frame == common { return Self.elsewhere }
        let below = move(frames[Int(frame)].below, from: common)
        return self.frame(returningTo: frames[Int(frame)].returnsTo, below: below)
    }

    // MARK: Moving to another automaton

    /// Comes to the state that `other` calls `state`, in numbers of its own.
    mutating func adopt(_ state: Int32, of other: LazyAutomaton) -> Int32 {
        let state = other.states[Int(state)]
        let readings = state.readings.map { reading in
            let (node, frame) = Self.place(of: reading)
            return Self.reading(node, adopt(frame: frame, of: other))
        }
        return number(of: State(readings: readings.sorted(), accepts: state.accepts, leaves: state.leaves))
    }

    private mutating func adopt(frame number: Int32, of other: LazyAutomaton) -> Int32 {
        if number == Self.bottom || number == Self.elsewhere { return number }
        let frame = other.frames[Int(number)]
        return self.frame(returningTo: frame.returnsTo, below: adopt(frame: frame.below, of: other))
    }
}
