/// Forbids the token that would complete one of several sequences in the answer.
struct BadWords: Sendable {
    let sequences: [[Int32]]
    private let longest: Int
    /// The answer's last tokens, as many as a sequence can have before its last.
    private var end: [Int32] = []

    init(_ sequences: [[Int32]]) {
        self.sequences = sequences
        longest = sequences.lazy.map(\.count).max() ?? 0
    }

    mutating func note(_ token: Int32) {
        guard longest > 1 else { return }
        if end.count == longest - 1 { end.removeFirst() }
        end.append(token)
    }

    func apply(to logits: inout [Float]) {
        for sequence in sequences {
            guard let last = sequence.last, end.count >= sequence.count - 1,
                end.suffix(sequence.count - 1).elementsEqual(sequence.dropLast())
            else { continue }
            logits[Int(last)] = -.infinity
        }
    }
}
