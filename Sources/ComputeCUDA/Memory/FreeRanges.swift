/// What is free of a run of bytes: ranges in order, no two of them adjacent.
struct FreeRanges: Sendable, Equatable {
    private(set) var ranges: [Range<Int>]
    private let count: Int

    /// All of 0 ..< count.
    init(count: Int) {
        self.count = count
        ranges = count > 0 ? [0..<count] : []
    }

    /// Whether nothing is taken.
    var isWhole: Bool { ranges == [0..<count] }

    /// The start of `count` bytes of the smallest range that has them; nil when none has.
    mutating func take(_ count: Int) -> Int? {
        let fitting = ranges.indices.filter { ranges[$0].count >= count }
        guard let best = fitting.min(by: { ranges[$0].count < ranges[$1].count }) else { return nil }
        let start = ranges[best].lowerBound
        if ranges[best].count == count {
            ranges.remove(at: best)
        } else {
            ranges[best] = start + count..<ranges[best].upperBound
        }
        return start
    }

    /// Gives back what was taken.
    mutating func give(back range: Range<Int>) {
        let next = ranges.firstIndex { $0.lowerBound >= range.upperBound } ?? ranges.count
        precondition(next == 0 || ranges[next - 1].upperBound <= range.lowerBound, "\(range) is free already")
        var merged = range
        var replaced = next..<next
        if next < ranges.count, ranges[next].lowerBound == merged.upperBound {
            merged = merged.lowerBound..<ranges[next].upperBound
            replaced = next..<next + 1
        }
        if next > 0, ranges[next - 1].upperBound == merged.lowerBound {
            merged = ranges[next - 1].lowerBound..<merged.upperBound
            replaced = next - 1..<replaced.upperBound
        }
        ranges.replaceSubrange(replaced, with: [merged])
    }
}
