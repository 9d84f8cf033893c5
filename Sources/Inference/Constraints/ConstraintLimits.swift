/// What a stranger's constraint may cost; each bound is far above what people write.
enum ConstraintLimits {
    static let schemaBytes = 256 << 10
    static let regexBytes = 32 << 10
    static let grammarBytes = 256 << 10
    static let choiceBytes = 256 << 10
    /// Schemas looked at while one is compiled; alternatives of several `anyOf` together multiply.
    static let schemas = 20_000
    static let rules = 20_000
    /// Nodes of the graph: 28 bytes each. Counted repetitions are written out.
    static let nodes = 200_000
    /// Groups of a regular expression or a grammar in one another, which parsers and builders recurse into.
    static let nesting = 64
    /// Calls of rules within one another while an answer is read: so deep may a recursive schema or any JSON nest.
    static let frames = 64
    /// Longer strings and arrays are not written out: a schema's greater maximum is kept by this smaller one.
    static let counted = 4_000
    /// States of the automaton before a fresh one is begun, and before a single step gives up.
    static let states = 8_192
    static let mostStates = 100_000
    /// Work of one mask, in places of the graph looked at: about 0.05 s, for which the engine's thread stands still.
    static let effort = 300_000
    /// Bytes of the masks that one constraint keeps.
    static let maskBytes = 4 << 20
    /// Compiled constraints that are kept.
    static let compiled = 16
    /// Longer tokens are not used: whatever they spell, shorter ones can.
    static let tokenBytes = 64
}
