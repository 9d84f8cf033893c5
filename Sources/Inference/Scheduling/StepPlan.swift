import Models

/// What one step of the engine does, decided before any of it is done: one slice of an image's encoding, or one pass of
/// the decoder.
struct StepPlan: Sendable {
    /// The part that one sequence has in a step.
    struct Run: Sendable {
        let sequence: SequenceID
        /// Positions to compute; the tokens at them.
        let positions: Range<Int>
        let tokens: [Int32]
        /// Rotary positions where they are not `positions`.
        let grid: GridPositions?
        let features: [FeatureSlice]
        /// Pages of all tokens up to `positions.upperBound` (there may be more).
        let pages: [Int32]
        /// Whether these are the last known tokens, so that the next one can be chosen.
        let wantsLogits: Bool
        let isDecode: Bool
        /// Other positions whose logits are wanted, because they predict tokens of the prompt; ascending.
        var predictingPrompt: [Int] = []

        /// Rows of logits that come of it.
        var logitRowCount: Int { predictingPrompt.count + (wantsLogits ? 1 : 0) }
    }

    /// Rows of an image's features that replace embeddings of a run.
    struct FeatureSlice: Sendable {
        let image: ContentHash
        let rows: Range<Int>
        /// For each row the index in `Run.tokens`.
        let offsets: [Int32]
    }

    /// An image whose encoding goes on by a slice, and the sequence that fails if it cannot.
    struct Encode: Sendable {
        let image: ContentHash
        let sequence: SequenceID
    }

    struct Admission: Sendable {
        let sequence: SequenceID
        /// Tokens that need not be computed because their pages were remembered.
        let reusedTokens: Int
    }

    var encode: Encode?
    var runs: [Run] = []
    /// Whose first tokens the step brings nearer; nil when it only writes.
    var beginning: Priority?
    var admitted: [Admission] = []
    var preempted: [SequenceID] = []

    var tokenCount: Int { runs.reduce(0) { $0 + $1.tokens.count } }
    var isEmpty: Bool { encode == nil && runs.isEmpty }

    /// The part of the step's time that goes to tokens of answers; a mixed pass is divided by its tokens.
    func decodePart(of time: Duration) -> Duration {
        runs.isEmpty ? .zero : time * runs.count(where: \.isDecode) / tokenCount
    }
}
