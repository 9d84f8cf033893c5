import Models
import Synchronization

/// A compiled output constraint over one vocabulary, shared by all requests that have it; made by `ConstraintCompiler`.
public final class Constraint: Sendable {
    /// What is remembered of the automaton; whoever reads with it keeps it, also after a fresh one was begun.
    final class Memory: Sendable {
        let automaton: Mutex<MaskedAutomaton>

        init(_ automaton: MaskedAutomaton) { self.automaton = Mutex(automaton) }
    }

    let vocabulary: ConstraintVocabulary
    private let graph: GrammarGraph
    private let memory: Mutex<Memory>

    init(_ graph: GrammarGraph, _ vocabulary: ConstraintVocabulary) {
        self.graph = graph
        self.vocabulary = vocabulary
        memory = Mutex(Memory(Self.automaton(graph, vocabulary)))
    }

    private static func automaton(_ graph: GrammarGraph, _ vocabulary: ConstraintVocabulary) -> MaskedAutomaton {
        MaskedAutomaton(graph, trie: vocabulary.trie, spaces: vocabulary.strippedSpaces)
    }

    /// Where an answer begins.
    func cursor() -> ConstraintCursor { ConstraintCursor(self, memory.withLock { $0 }) }

    /// What to remember in once `full` holds too much.
    func memory(insteadOf full: Memory) -> Memory {
        memory.withLock { memory in
            if memory === full { memory = Memory(Self.automaton(graph, vocabulary)) }
            return memory
        }
    }
}

/// What constraints need of a tokenizer.
struct ConstraintVocabulary: Sendable {
    let tokenizer: Tokenizer
    let trie: TokenTrie
    /// Spaces at the very beginning of an answer that decoding leaves out.
    let strippedSpaces: Int
    private let endTokens: Set<Int32>

    /// - Parameter endTokens: the model's own, which are no text.
    init(_ tokenizer: Tokenizer, endTokens: Set<Int32>) {
        self.tokenizer = tokenizer
        self.endTokens = endTokens
        trie = TokenTrie(tokenizer, without: endTokens)
        strippedSpaces = tokenizer.strippedSpaces
    }

    /// The bytes of a token that text may consist of.
    func text(of token: Int32) -> [UInt8]? {
        guard !tokenizer.isSpecial(token), !endTokens.contains(token) else { return nil }
        let bytes = tokenizer.bytes(of: token)
        return (1...ConstraintLimits.tokenBytes).contains(bytes.count) ? bytes : nil
    }
}

/// How far one answer has come under its constraint.
struct ConstraintCursor: Sendable {
    private let constraint: Constraint
    private var memory: Constraint.Memory
    private var state: Int32

    init(_ constraint: Constraint, _ memory: Constraint.Memory) {
        self.constraint = constraint
        self.memory = memory
        state = memory.automaton.withLock { $0.automaton.start }
    }

    /// Whether the answer may end here.
    var isAccepting: Bool { memory.automaton.withLock { $0.automaton.accepts(state) } }

    /// Whether it must end here, because nothing can follow.
    var isComplete: Bool {
        memory.automaton.withLock { $0.automaton.accepts(state) && !$0.automaton.canGoOn(state) }
    }

    /// The tokens that may come next.
    func mask() throws(ConstraintError) -> TokenMask {
        try memory.automaton.withLock { automaton throws(ConstraintError) in try automaton.mask(of: state) }
    }

    /// Whether one token may come next; far cheaper than a mask that is not known yet.
    func allows(_ token: Int32) throws(ConstraintError) -> Bool {
        guard let bytes = constraint.vocabulary.text(of: token) else { return false }
        return try memory.automaton.withLock { automaton throws(ConstraintError) in
            try automaton.advance(state, by: bytes) != LazyAutomaton.dead
        }
    }

    /// Goes on with a token that is allowed; one that is not, such as an end token, changes nothing.
    mutating func advance(_ token: Int32) throws(ConstraintError) {
        guard let bytes = constraint.vocabulary.text(of: token) else { return }
        let (next, isFull) = try memory.automaton.withLock { automaton throws(ConstraintError) in
            (try automaton.advance(state, by: bytes), automaton.isFull)
        }
        guard next != LazyAutomaton.dead else { return }
        state = next
        if isFull { forget() }
    }

    private mutating func forget() {
        let fresh = constraint.memory(insteadOf: memory)
        let full = memory.automaton.withLock { $0 }
        state = fresh.automaton.withLock { $0.adopt(state, of: full) }
        memory = fresh
    }
}
