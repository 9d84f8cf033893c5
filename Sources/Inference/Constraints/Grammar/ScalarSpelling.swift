/// How the scalars of a set are spelt in UTF-8, as a little graph to be copied to wherever one of them is read.
///
/// Sequences that end alike share their ends: any scalar at all takes seven steps, not twenty.
struct ScalarSpelling: Sendable {
    struct Step: Sendable {
        var bytes: ByteSet
        /// The step after it, by its number; nil where the scalar is complete.
        let next: Int?
    }

    /// Bytes after the first; each leads to one before it in the list.
    private(set) var steps: [Step] = []
    /// First bytes.
    private(set) var leads: [Step] = []

    init(_ set: ScalarSet) {
        var numbers: [ArraySlice<ClosedRange<UInt8>>: Int] = [:]
        for sequence in set.utf8 {
            var next: Int?
            for length in 1..<max(sequence.count, 1) {
                let suffix = sequence.suffix(length)
                if numbers[suffix] == nil {
                    numbers[suffix] = steps.count
                    steps.append(Step(bytes: ByteSet(suffix[suffix.startIndex]), next: next))
                }
                next = numbers[suffix]
            }
            if let known = leads.firstIndex(where: { $0.next == next }) {
                leads[known].bytes.insert(sequence[0])
            } else {
                leads.append(Step(bytes: ByteSet(sequence[0]), next: next))
            }
        }
    }
}
