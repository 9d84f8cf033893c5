/// A set of Unicode scalar values: sorted ranges that do not touch, without surrogates.
struct ScalarSet: Hashable, Sendable {
    typealias Range = ClosedRange<UInt32>

    let ranges: [Range]

    /// Of any ranges, in any order.
    init(_ ranges: [Range]) {
        var merged: [Range] = []
        for range in Self.withoutSurrogates(ranges).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound + 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged
    }

    init(_ scalar: Unicode.Scalar) { self.init([scalar.value...scalar.value]) }

    init(_ first: Unicode.Scalar, _ last: Unicode.Scalar) { self.init([first.value...max(first, last).value]) }

    init(of text: String) { self.init(text.unicodeScalars.map { $0.value...$0.value }) }

    static let all = ScalarSet([0...0x10FFFF])
    static let none = ScalarSet([])

    private static func withoutSurrogates(_ ranges: [Range]) -> [Range] {
        ranges.flatMap { range -> [Range] in
            guard range.overlaps(0xD800...0xDFFF) else { return [range] }
            var parts: [Range] = []
            if range.lowerBound < 0xD800 { parts.append(range.lowerBound...0xD7FF) }
            if range.upperBound > 0xDFFF { parts.append(0xE000...range.upperBound) }
            return parts
        }
    }

    var isEmpty: Bool { ranges.isEmpty }

    func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

    var inverted: ScalarSet {
        var gaps: [Range] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { gaps.append(next...range.lowerBound - 1) }
            next = range.upperBound + 1
        }
        if next <= 0x10FFFF { gaps.append(next...0x10FFFF) }
        return ScalarSet(gaps)
    }

    func intersection(_ other: ScalarSet) -> ScalarSet { inverted.union(other.inverted).inverted }

    func subtracting(_ other: ScalarSet) -> ScalarSet { inverted.union(other).inverted }

    /// The sequences of byte ranges that spell the set's scalars in UTF-8, each scalar by one of them.
    var utf8: [[ClosedRange<UInt8>]] { ranges.flatMap(Self.utf8) }

    private static func utf8(of range: Range) -> [[ClosedRange<UInt8>]] {
        for last: UInt32 in [0x7F, 0x7FF, 0xFFFF] where range.lowerBound <= last && range.upperBound > last {
            return utf8(of: range.lowerBound...last) + utf8(of: last + 1...range.upperBound)
        }
        // Within one length a range is a sequence of byte ranges once it begins and ends with whole blocks.
        let length = encoded(range.lowerBound).count
        for level in 1..<max(length, 1) {
            let block: UInt32 = (1 << (6 * UInt32(level))) - 1
            guard range.lowerBound & ~block != range.upperBound & ~block else { continue }
            if range.lowerBound & block != 0 {
                let last = range.lowerBound | block
                return utf8(of: range.lowerBound...last) + utf8(of: last + 1...range.upperBound)
            }
            if range.upperBound & block != block {
                let first = range.upperBound & ~block
                return utf8(of: range.lowerBound...first - 1) + utf8(of: first...range.upperBound)
            }
        }
        return [zip(encoded(range.lowerBound), encoded(range.upperBound)).map { $0...$1 }]
    }

    private static func encoded(_ value: UInt32) -> [UInt8] {
        Unicode.Scalar(value).map { Array(String(Character($0)).utf8) } ?? []
    }
}
