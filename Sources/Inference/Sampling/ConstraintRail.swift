/// Keeps the tokens of one answer within its constraint: text that it allows, and end tokens where it may end.
struct ConstraintRail: Sendable {
    private var cursor: ConstraintCursor
    private let endTokens: Set<Int32>

    init(_ constraint: Constraint, endTokens: Set<Int32>) {
        cursor = constraint.cursor()
        self.endTokens = endTokens
    }

    /// Tokens that may come next.
    struct Allowed {
        let text: TokenMask
        /// Empty where the answer may not end.
        let ends: Set<Int32>

        func apply(to logits: inout [Float]) {
            let kept = ends.map { ($0, logits[Int($0)]) }
            text.apply(to: &logits)
            for (token, logit) in kept { logits[Int(token)] = logit }
        }
    }

    func allowed() throws(ConstraintError) -> Allowed {
        let allowed = Allowed(text: try cursor.mask(), ends: cursor.isAccepting ? endTokens : [])
        guard !allowed.text.isEmpty || !allowed.ends.isEmpty else { throw .noToken }
        return allowed
    }

    func allows(_ token: Int32) throws(ConstraintError) -> Bool {
        if endTokens.contains(token) && cursor.isAccepting { return true }
        return try cursor.allows(token)
    }

    mutating func advance(_ token: Int32) throws(ConstraintError) { try cursor.advance(token) }

    var isComplete: Bool { cursor.isComplete }
}
