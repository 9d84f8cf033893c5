import Foundation
import Testing

@testable import Compute

@Suite struct PagedAttentionTests {
    /// One sequence: rows of this step, context before it.
    typealias Step = (rows: Int, past: Int)

    struct Case: CustomTestStringConvertible, Sendable {
        let heads, kvHeads, headSize, pageSize: Int
        let steps: [(rows: Int, past: Int)]

        var testDescription: String { "\(heads)/\(kvHeads) heads of \(headSize), pages of \(pageSize), \(steps)" }
    }

    static let cases = [
        Case(heads: 9, kvHeads: 3, headSize: 64, pageSize: 16, steps: [(1, 0), (1, 40), (1, 300), (5, 0), (70, 3)]),
        Case(heads: 2, kvHeads: 2, headSize: 10, pageSize: 4, steps: [(3, 2), (1, 130), (1, 127), (1, 128)]),
        Case(heads: 4, kvHeads: 1, headSize: 80, pageSize: 7, steps: [(135, 0), (1, 5)]),
        Case(heads: 8, kvHeads: 2, headSize: 128, pageSize: 32, steps: [(2, 255), (13, 60)]),
        Case(heads: 1, kvHeads: 1, headSize: 2, pageSize: 1, steps: [(1, 0), (2, 0), (1, 9)]),
    ]

    @Test(arguments: cases, [true, false])
    func `paged attention equals naive attention over each sequence`(_ shape: Case, _ rotates: Bool) throws {
        let expected = try PagedRun(CPUBackend(threads: 1), shape, rotates: rotates).naive()
        for variant in Variant.all {
            let run = try PagedRun(variant.backend, shape, rotates: rotates)
            #expect(difference(try run.attend(), expected) < 3e-6, "\(variant.testDescription)")
        }
    }

    /// A window, and rows of the batch that see each other: across tiles, parts and pages, a single row, and a sequence without.
    static let masked: [(Case, AttentionMask)] = [
        (cases[0], AttentionMask(window: 7)), (cases[0], AttentionMask(window: 150)),
        (cases[0], AttentionMask(spans: [3..<6, 10..<12, 20..<75])),
        (cases[2], AttentionMask(window: 20, spans: [0..<9, 60..<70, 127..<131])),
        (cases[3], AttentionMask(window: 3, spans: [0..<2, 5..<15])),
        (cases[3], AttentionMask(window: 1)), (cases[3], AttentionMask(window: 256)),
        (cases[4], AttentionMask(window: 4, spans: [1..<3, 3..<4])),
    ]

    @Test(arguments: masked)
    func `rows see what a mask says and nothing else`(_ shape: Case, _ mask: AttentionMask) throws {
        let expected = try PagedRun(CPUBackend(threads: 1), shape, mask: mask, rotates: true).naive()
        for variant in Variant.all {
            let run = try PagedRun(variant.backend, shape, mask: mask, rotates: true)
            #expect(difference(try run.attend(), expected) < 3e-6, "\(variant.testDescription)")
        }
    }

    @Test func `a mask that hides nothing has the causal bits`() throws {
        let shape = Self.cases[0]
        let expected = try PagedRun(CPUBackend(threads: 1), shape, rotates: true).attend()
        for mask in [AttentionMask(window: 301), AttentionMask(window: 301, spans: [5..<6])] {
            #expect(try PagedRun(CPUBackend(threads: 1), shape, mask: mask, rotates: true).attend() == expected)
        }
    }

    @Test(arguments: Variant.alone)
    func `a decoding row's result does not depend on its company or the threads`(_ variant: Variant) throws {
        let steps: [Step] = [(1, 300), (1, 20), (6, 0)]
        let whole = Case(heads: 6, kvHeads: 2, headSize: 24, pageSize: 8, steps: steps)
        let alone = Case(heads: 6, kvHeads: 2, headSize: 24, pageSize: 8, steps: [steps[0]])
        let first = try PagedRun(variant.backend, alone, rotates: true)
        let expected = try first.attend()
        for threads in [1, 3] {
            let backend = CPUBackend(threads: threads, instructions: variant.instructions)
            let run = try PagedRun(backend, whole, rotates: true)
            #expect(try Array(run.attend().prefix(6 * 24)) == expected)
        }
    }
}

/// A batch of random sequences whose pasts are already in the cache, on pages dealt out at random.
private struct PagedRun {
    let backend: CPUBackend
    let shape: PagedAttentionTests.Case
    let cache: KVCache
    let layout: BatchLayout
    let qkv: Tensor
    let angles: RotaryAngles?
    let mask: AttentionMask
    private static let layer = 1

    init(
        _ backend: CPUBackend, _ shape: PagedAttentionTests.Case, mask: AttentionMask = AttentionMask(), rotates: Bool
    ) throws {
        self.mask = mask
        self.backend = backend
        self.shape = shape
        let needs = shape.steps.map { ($0.rows + $0.past + shape.pageSize - 1) / shape.pageSize }
        let pages = needs.reduce(2, +)
        cache = try backend.makeKVCache(
            KVCacheShape(
                layers: 2, kvHeads: shape.kvHeads, headSize: shape.headSize, pages: pages, pageSize: shape.pageSize))
        var sequences: [BatchLayout.Sequence] = []
        var row = 0
        // Pages from the last to the first: order in memory must not matter.
        var nextPage = Int32(pages - 1)
        for (step, need) in zip(shape.steps, needs) {
            let own = (0..<Int32(need)).map { nextPage - $0 }
            nextPage -= Int32(need)
            sequences.append(.init(rows: row..<row + step.rows, contextLength: step.rows + step.past, pages: own))
            row += step.rows
        }
        layout = BatchLayout(sequences: sequences)
        qkv = try backend.random([row, (shape.heads + 2 * shape.kvHeads) * shape.headSize], seed: 1)
        angles = rotates ? try Self.angles(backend, layout, half: shape.headSize / 2) : nil
        try fill()
    }

    private static func angles(_ backend: CPUBackend, _ layout: BatchLayout, half: Int) throws -> RotaryAngles {
        var values: [Float] = []
        for sequence in layout.sequences {
            for row in sequence.rows {
                let position = sequence.contextLength - sequence.rows.upperBound + row
                for i in 0..<half { values.append(Float(position) * pow(100, -Float(i) / Float(half))) }
            }
        }
        return RotaryAngles(
            cosines: try backend.tensor(values.map(cos), [values.count / half, half]),
            sines: try backend.tensor(values.map(sin), [values.count / half, half]))
    }

    /// Random pasts; everything else in the cache is NaN, which must never be read into a result.
    private func fill() throws {
        for tensor in cache.keys + cache.values { tensor.floats.update(repeating: .nan, count: tensor.count) }
        for (index, sequence) in layout.sequences.enumerated() {
            var numbers = SeededNumbers(seed: index + 7)
            for token in 0..<sequence.contextLength - sequence.rows.count {
                for head in 0..<shape.kvHeads {
                    for d in 0..<shape.headSize {
                        let at = offset(sequence, token, head) + d
                        cache.keys[Self.layer].floats[at] = numbers.uniform()
                        cache.values[Self.layer].floats[at] = numbers.uniform()
                    }
                }
            }
        }
    }

    private func offset(_ sequence: BatchLayout.Sequence, _ token: Int, _ head: Int) -> Int {
        let page = Int(sequence.pages[token / shape.pageSize])
        return ((page * shape.kvHeads + head) * shape.pageSize + token % shape.pageSize) * shape.headSize
    }

    func attend() throws -> [Float] {
        let result = try backend.pagedAttention(
            qkv, angles: angles, cache: cache, layer: Self.layer, heads: shape.heads,
            layout: PagedLayout(layout, of: cache.shape, mask: mask, on: backend))
        return try backend.download(result)
    }

    /// Rotates in double precision, writes the step's keys and values to the cache, and attends one row at a time.
    func naive() throws -> [Double] {
        let input = try backend.doubles(qkv)
        let size = shape.headSize
        var result: [Double] = []
        for sequence in layout.sequences {
            let past = sequence.contextLength - sequence.rows.count
            for row in sequence.rows {
                let line = Array(input[row * qkv.width..<(row + 1) * qkv.width])
                func vector(_ index: Int) -> [Double] { Array(line[index * size..<(index + 1) * size]) }
                let token = past + row - sequence.rows.lowerBound
                for head in 0..<shape.kvHeads {
                    let key = try rotated(vector(shape.heads + head), row)
                    let value = vector(shape.heads + shape.kvHeads + head)
                    for d in 0..<size {
                        cache.keys[Self.layer].floats[offset(sequence, token, head) + d] = Float(key[d])
                        cache.values[Self.layer].floats[offset(sequence, token, head) + d] = Float(value[d])
                    }
                }
            }
            for row in sequence.rows {
                let line = Array(input[row * qkv.width..<(row + 1) * qkv.width])
                func vector(_ index: Int) -> [Double] { Array(line[index * size..<(index + 1) * size]) }
                let tokens = seen(row, past: past, of: sequence)
                for head in 0..<shape.heads {
                    let kvHead = head / (shape.heads / shape.kvHeads)
                    result += naiveAttention(
                        try rotated(vector(head), row), read(cache.keys, sequence, tokens, kvHead),
                        read(cache.values, sequence, tokens, kvHead))
                }
            }
        }
        return result
    }

    private func seen(_ row: Int, past: Int, of sequence: BatchLayout.Sequence) -> ClosedRange<Int> {
        let toToken = past - sequence.rows.lowerBound
        let first = max(0, row + toToken + 1 - (mask.window ?? row + toToken + 1))
        guard let span = mask.spans.first(where: { $0.contains(row) }) else { return first...row + toToken }
        return min(first, span.lowerBound + toToken)...span.upperBound - 1 + toToken
    }

    private func read(
        _ tensors: [Tensor], _ sequence: BatchLayout.Sequence, _ tokens: ClosedRange<Int>, _ kvHead: Int
    ) -> [UnsafePointer<Float>] {
        tokens.map { UnsafePointer(tensors[Self.layer].floats + offset(sequence, $0, kvHead)) }
    }

    private func rotated(_ vector: [Double], _ row: Int) throws -> [Double] {
        guard let angles else { return vector }
        let half = vector.count / 2
        return (0..<vector.count).map { i in
            let cosine = Double(angles.cosines.row(row)[i % half])
            let sine = Double(angles.sines.row(row)[i % half])
            return vector[i] * cosine + (i < half ? -vector[i + half] : vector[i - half]) * sine
        }
    }
}

/// Softmax attention of one query in double precision; scale 1/√size.
func naiveAttention(
    _ query: [Double], _ keys: [UnsafePointer<Float>], _ values: [UnsafePointer<Float>]
) -> [Double] {
    let size = query.count
    let scores = keys.map { key in
        var sum = 0.0
        var d = 0
        while d < size {
            sum += query[d] * Double(key[d])
            d += 1
        }
        return sum / Double(size).squareRoot()
    }
    let highest = scores.max() ?? 0
    let weights = scores.map { exp($0 - highest) }
    let total = weights.reduce(0, +)
    var result = [Double](repeating: 0, count: size)
    for (weight, value) in zip(weights, values) {
        var d = 0
        while d < size {
            result[d] += weight / total * Double(value[d])
            d += 1
        }
    }
    return result
}
