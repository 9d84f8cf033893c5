import Testing

@testable import Compute

@Suite struct AttentionTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let heads, headSize: Int
        let segments: [Int]
        /// Multiplies all inputs: large ones make the softmax nearly one-hot.
        var scale: Float = 1

        var testDescription: String { "\(heads) heads of \(headSize), segments \(segments), scale \(scale)" }
    }

    static let cases = [
        Case(heads: 1, headSize: 1, segments: [1]), Case(heads: 2, headSize: 64, segments: [65]),
        Case(heads: 3, headSize: 17, segments: [5, 1, 33]), Case(heads: 1, headSize: 72, segments: [130, 2]),
        Case(heads: 1, headSize: 32, segments: [260]), Case(heads: 2, headSize: 16, segments: [40, 0, 20], scale: 12),
        // Several parts of rows and blocks of tokens, neither whole.
        Case(heads: 1, headSize: 8, segments: [590]),
    ]

    @Test(arguments: cases)
    func `full attention inside segments equals a naive loop`(_ shape: Case) throws {
        let rows = shape.segments.reduce(0, +)
        let width = shape.heads * shape.headSize
        var numbers = SeededNumbers(seed: rows)
        let values = numbers.floats(rows * 3 * width).map { $0 * shape.scale }
        let expected = naive(values, shape)
        for variant in Variant.all {
            let backend = variant.backend
            let qkv = try backend.tensor(values, [rows, 3 * width])
            let found = try backend.attention(qkv, heads: shape.heads, segments: shape.segments)
            #expect(found.shape == [rows, width])
            // Scores grow with the square of the scale, and their rounding with them.
            let tolerance = 2e-6 * Double(shape.scale * shape.scale)
            #expect(difference(try backend.download(found), expected) < tolerance, "\(variant.testDescription)")
        }
    }

    @Test(arguments: Variant.alone)
    func `a segment's result does not depend on its company`(_ variant: Variant) throws {
        let backend = variant.backend
        let qkv = try backend.random([100, 3 * 40], seed: 9)
        let together = try backend.download(backend.attention(qkv, heads: 2, segments: [33, 67]))
        let first = try backend.download(backend.attention(qkv.rows(0..<33), heads: 2, segments: [33]))
        let second = try backend.download(backend.attention(qkv.rows(33..<100), heads: 2, segments: [67]))
        #expect(together == first + second)
    }

    @Test(arguments: Variant.alone, [0..<1, 20..<50, 33..<34, 99..<100, 40..<40])
    func `some queries have the very result that all have together`(_ variant: Variant, _ queries: Range<Int>) throws {
        let backend = variant.backend
        let qkv = try backend.random([100, 3 * 40], seed: 9)
        let all = try backend.download(backend.attention(qkv, heads: 2, segments: [33, 67]))
        let some = try backend.attention(qkv, heads: 2, segments: [33, 67], queries: queries)
        #expect(try backend.download(some) == Array(all[queries.lowerBound * 40..<queries.upperBound * 40]))
    }

    private func naive(_ values: [Float], _ shape: Case) -> [Double] {
        let size = shape.headSize
        let width = shape.heads * size
        var result: [Double] = []
        values.withUnsafeBufferPointer { qkv in
            guard let base = qkv.baseAddress else { return }
            func vector(_ row: Int, _ part: Int, _ head: Int) -> UnsafePointer<Float> {
                base + (row * 3 + part) * width + head * size
            }
            var first = 0
            for segment in shape.segments {
                let rows = first..<first + segment
                for row in rows {
                    for head in 0..<shape.heads {
                        let query = (0..<size).map { Double(vector(row, 0, head)[$0]) }
                        result += naiveAttention(
                            query, rows.map { vector($0, 1, head) }, rows.map { vector($0, 2, head) })
                    }
                }
                first += segment
            }
        }
        return result
    }
}
