/// An automaton over a vocabulary: which tokens may come next in each state, remembered.
///
/// Of most tokens it is decided within the innermost rules that are being read: in a string, tens of thousands only go on
/// with it. What is decided so is found once for all states that agree in those rules (`Local`); the few tokens that go
/// beyond, `",` for one, are tried in each state.
struct MaskedAutomaton: Sendable {
    private struct Local {
        var mask: TokenMask
        /// Nodes of the tree at which the innermost rules had ended, and their paths: their subtrees are still to be tried.
        var open: [(node: Int32, path: [UInt8])] = []
    }

    private let trie: TokenTrie
    private(set) var automaton: LazyAutomaton
    private var locals: [Int32: Local] = [:]
    private var masks: [Int32: TokenMask] = [:]

    init(_ graph: GrammarGraph, trie: TokenTrie, spaces: Int) {
        self.trie = trie
        automaton = LazyAutomaton(graph, spaces: spaces)
    }

    /// Whether so much is remembered that it is time to forget it.
    var isFull: Bool { automaton.stateCount > ConstraintLimits.states }

    /// The state after the bytes of a token, dead if they do not fit.
    mutating func advance(_ state: Int32, by bytes: [UInt8]) throws(ConstraintError) -> Int32 {
        automaton.effort = 0
        var state = state
        for byte in bytes where state != LazyAutomaton.dead { state = automaton.step(state, byte) }
        try checkEffort()
        return state
    }

    mutating func adopt(_ state: Int32, of other: MaskedAutomaton) -> Int32 {
        automaton.adopt(state, of: other.automaton)
    }

    /// The tokens that may follow in `state`.
    mutating func mask(of state: Int32) throws(ConstraintError) -> TokenMask {
        if let known = masks[state] { return known }
        automaton.effort = 0
        var mask: TokenMask
        if let localState = automaton.localState(of: state) {
            let local = try local(localState)
            mask = local.mask
            for open in local.open { tryOpen(open.node, open.path, from: state, into: &mask) }
        } else {
            var local = Local(mask: TokenMask(words: trie.maskWords))
            walk(below: 0, from: state, into: &local)
            mask = local.mask
        }
        try checkEffort()
        if (masks.count + locals.count) * mask.byteCount > ConstraintLimits.maskBytes { masks = [:] }
        masks[state] = mask
        return mask
    }

    private func checkEffort() throws(ConstraintError) {
        guard automaton.effort < ConstraintLimits.effort else { throw .tooAmbiguous }
    }

    private mutating func local(_ state: Int32) throws(ConstraintError) -> Local {
        if let known = locals[state] { return known }
        var local = Local(mask: TokenMask(words: trie.maskWords))
        walk(below: 0, from: state, into: &local)
        try checkEffort()
        if locals.count * local.mask.byteCount > ConstraintLimits.maskBytes / 2 { locals = [:] }
        locals[state] = local
        return local
    }

    /// Tries the subtree of a node at which the innermost rules had ended.
    private mutating func tryOpen(_ node: Int32, _ path: [UInt8], from state: Int32, into mask: inout TokenMask) {
        var state = state
        for byte in path {
            state = automaton.step(state, byte)
            if state == LazyAutomaton.dead { return }
        }
        for token in trie.tokens(at: Int(node)) { mask.insert(token) }
        guard trie.ends[Int(node)] > node + 1 else { return }
        var local = Local(mask: mask)
        mask = TokenMask(words: 0)
        walk(below: Int(node), from: state, into: &local)
        mask = local.mask
    }

    /// Adds the tokens below a node that can be read from `state`, which the node's own path leads to.
    private mutating func walk(below root: Int, from state: Int32, into local: inout Local) {
        let rootLevel = Int(trie.levels[root])
        var path = [Int32](repeating: state, count: ConstraintLimits.tokenBytes + 1)
        var hasLeft = [Bool](repeating: false, count: ConstraintLimits.tokenBytes + 1)
        hasLeft[0] = automaton.leaves(state)
        var node = root + 1
        let end = Int(trie.ends[root])
        while node < end {
            let level = Int(trie.levels[node]) - rootLevel
            let next = automaton.step(path[level - 1], trie.bytes[node])
            guard next != LazyAutomaton.dead else {
                if hasLeft[level - 1] {
                    local.open.append((Int32(node), trie.path(to: Int32(node))))
                }
                node = Int(trie.ends[node])
                continue
            }
            path[level] = next
            hasLeft[level] = hasLeft[level - 1] || automaton.leaves(next)
            for token in trie.tokens(at: node) { local.mask.insert(token) }
            node += 1
        }
    }
}
