/// What the rows of a step see besides, or instead of, all tokens up to their own.
public struct AttentionMask: Sendable, Equatable {
    /// How many tokens a row sees, its own the last; nil: all before it (sliding windows; Beltagy et al. 2020, arXiv:2004.05150).
    public var window: Int?
    /// Rows of the batch, of one sequence each, that see each other whole.
    public var spans: [Range<Int>]

    public init(window: Int? = nil, spans: [Range<Int>] = []) {
        self.window = window
        self.spans = spans
    }

    /// Nil where every row sees exactly the tokens up to its own.
    func seenTokens(in sequences: [PagedLayout.Sequence], on backend: any Backend) throws -> SeenTokens? {
        let slides = window.map { window in sequences.contains { $0.contextLength > window } } ?? false
        guard slides || !spans.isEmpty else { return nil }
        let rows = sequences.map(\.rows.upperBound).max() ?? 0
        var starts = [Int32](repeating: 0, count: rows)
        var ends = [Int32](repeating: 1, count: rows)
        for sequence in sequences {
            let firstToken = sequence.contextLength - sequence.rows.upperBound  // of row 0, if it were of this sequence
            for row in sequence.rows {
                ends[row] = Int32(firstToken + row + 1)
                starts[row] = window.map { max(0, ends[row] - Int32(clamping: $0)) } ?? 0
            }
            for span in spans where !span.isEmpty && sequence.rows.contains(span.lowerBound) {
                precondition(span.upperBound <= sequence.rows.upperBound, "rows \(span) of more than one sequence")
                for row in span {
                    ends[row] = Int32(firstToken + span.upperBound)
                    starts[row] = min(starts[row], Int32(firstToken + span.lowerBound))
                }
            }
        }
        return SeenTokens(starts: try backend.upload(.integers(starts)), ends: try backend.upload(.integers(ends)))
    }
}

/// For each row of a batch the first token of its sequence that it sees and the one after the last, i32 [rows].
public struct SeenTokens: Sendable {
    public let starts: Tensor
    public let ends: Tensor
}
