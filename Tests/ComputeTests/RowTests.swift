import Foundation
import Testing

@testable import Compute

@Suite struct RowTests {
    static let shapes = [(1, 1), (1, 7), (2, 16), (3, 33), (5, 64), (17, 100), (260, 130)]

    @Test(arguments: shapes, [DType.f32, .bf16])
    func `norms equal a naive loop`(_ shape: (Int, Int), _ type: DType) throws {
        let (rows, width) = shape
        for variant in Variant.all {
            let backend = variant.backend
            let input = try backend.random([rows, width], seed: rows)
            let weight = try backend.random([width], seed: 2, type)
            let bias = try backend.random([width], seed: 3, type)
            let (x, w, b) = (try backend.doubles(input), try backend.doubles(weight), try backend.doubles(bias))
            let rms = byRow(x, width) { row in
                let scale = 1 / (row.map { $0 * $0 }.reduce(0, +) / Double(width) + 1e-5).squareRoot()
                return zip(row, w).map { $0 * scale * $1 }
            }
            let layer = byRow(x, width) { row in
                let mean = row.reduce(0, +) / Double(width)
                let variance = row.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(width)
                let scale = 1 / (variance + 1e-6).squareRoot()
                return row.indices.map { (row[$0] - mean) * scale * w[$0] + b[$0] }
            }
            let foundRMS = try backend.download(backend.rmsNorm(input, weight: weight, epsilon: 1e-5))
            #expect(difference(foundRMS, rms) < 2e-5, "\(variant.testDescription)")
            let foundLayer = try backend.download(backend.layerNorm(input, weight: weight, bias: bias, epsilon: 1e-6))
            #expect(difference(foundLayer, layer) < 2e-5, "\(variant.testDescription)")
        }
    }

    @Test func `heads are normalised and turned in place, each by itself, and nothing beside them`() throws {
        for variant in Variant.all {
            let backend = variant.backend
            let (rows, heads, size, width) = (9, 3, 22, 80)
            let columns = 5..<5 + heads * size
            let weight = try backend.random([size], seed: 6)
            let angles = RotaryAngles(
                cosines: try backend.random([rows, size / 2], seed: 7),
                sines: try backend.random([rows, size / 2], seed: 8))
            let values = try backend.download(backend.random([rows, width], seed: 5))
            let input = try backend.tensor(values, [rows, width])
            try backend.rmsNormHeads(of: input, columns: columns, weight: weight, epsilon: 1e-5)
            try backend.rotateHeads(of: input, columns: columns, by: angles)
            let found = try backend.download(input)
            let (w, c, s) = (
                try backend.doubles(weight), try backend.doubles(angles.cosines), try backend.doubles(angles.sines)
            )
            var expected = values.map(Double.init)
            for row in 0..<rows {
                for head in 0..<heads {
                    let first = row * width + columns.lowerBound + head * size
                    let part = values[first..<first + size].map(Double.init)
                    let scale = 1 / (part.map { $0 * $0 }.reduce(0, +) / Double(size) + 1e-5).squareRoot()
                    let normal = zip(part, w).map { $0 * scale * $1 }
                    for i in 0..<size / 2 {
                        let (a, b, angle) = (normal[i], normal[i + size / 2], row * size / 2 + i)
                        expected[first + i] = a * c[angle] - b * s[angle]
                        expected[first + size / 2 + i] = b * c[angle] + a * s[angle]
                    }
                }
            }
            #expect(difference(found, expected) < 2e-5, "\(variant.testDescription)")
        }
    }

    @Test func `rows are added where they belong`() throws {
        let backend = CPUBackend(threads: 1)
        let target = try backend.tensor((0..<12).map(Float.init), [4, 3])
        try backend.scatterAdd(backend.tensor([1, 2, 3, 10, 20, 30], [2, 3]), to: target, at: [3, 1])
        #expect(try backend.download(target) == [0, 1, 2, 13, 24, 35, 6, 7, 8, 10, 12, 14])
    }

    @Test(arguments: shapes)
    func `a gate multiplies what stands beside it`(_ shape: (Int, Int)) throws {
        let (rows, width) = shape
        for variant in Variant.all {
            let backend = variant.backend
            let gateUp = try backend.random([rows, 2 * width], seed: 4)
            for (activation, found) in [
                (Activation.silu, try backend.siluMultiply(gateUp)),
                (.geluTanh, try backend.geluTanhMultiply(gateUp)),
            ] {
                let expected = byRow(try backend.doubles(gateUp), 2 * width) { row in
                    (0..<width).map { activation.exact(row[$0]) * row[width + $0] }
                }
                #expect(found.shape == [rows, width])
                #expect(difference(try backend.download(found), expected) < 1e-6, "\(variant.testDescription)")
            }
        }
    }

    @Test(arguments: [DType.f32, .f16, .bf16])
    func `tokens get their rows of the table, in any order and more than once`(_ type: DType) throws {
        for variant in Variant.all {
            let backend = variant.backend
            let table = try backend.random([11, 37], seed: 5, type)
            let rows = try backend.doubles(table)
            let ids: [Int32] = [10, 0, 3, 3]
            let found = try backend.download(backend.embed(ids, table: table)).map(Double.init)
            #expect(found == ids.flatMap { rows[Int($0) * 37..<Int($0) * 37 + 37] }, "\(variant.testDescription)")
        }
    }

    @Test func `gathered rows come in order and scattered rows land where they belong`() throws {
        let backend = CPUBackend(threads: 2)
        let input = try backend.random([9, 5], seed: 6)
        let values = try backend.download(input)
        let indices: [Int32] = [8, 0, 4]
        let gathered = try backend.gather(indices, of: input)
        #expect(try backend.download(gathered) == indices.flatMap { values[Int($0) * 5..<Int($0) * 5 + 5] })

        let target = try backend.tensor([Float](repeating: 0, count: 45), [9, 5])
        try backend.scatter(gathered, into: target, at: indices)
        let landed = try backend.download(target)
        for row in 0..<9 {
            let expected = indices.contains(Int32(row)) ? Array(values[row * 5..<row * 5 + 5]) : [0, 0, 0, 0, 0]
            #expect(Array(landed[row * 5..<row * 5 + 5]) == expected, "row \(row)")
        }
    }

    @Test func `a scaled tensor is each of its values times the factor`() throws {
        for variant in Variant.all {
            let target = try variant.backend.random([5, 37], seed: 9)
            let expected = try variant.backend.download(target).map { $0 * 50.5 }
            try variant.backend.scale(target, by: 50.5)
            #expect(try variant.backend.download(target) == expected, "\(variant.testDescription)")
        }
    }

    @Test(arguments: [(1, 1, 1), (3, 2, 17), (4, 65, 64)])
    func `a table is added to every frame of a stack`(_ shape: (Int, Int, Int)) throws {
        let (frames, rows, width) = shape
        for variant in Variant.all {
            let backend = variant.backend
            let table = try backend.random([rows, width], seed: 7, .bf16)
            let target = try backend.random([frames * rows, width], seed: 8)
            let added = try backend.doubles(table)
            let expected = try backend.doubles(target).enumerated().map { $1 + added[$0 % added.count] }
            try backend.addRows(of: table, to: target)
            #expect(difference(try backend.download(target), expected) < 1e-6, "\(variant.testDescription)")
        }
    }

    private func byRow(_ values: [Double], _ width: Int, _ body: ([Double]) -> [Double]) -> [Double] {
        stride(from: 0, to: values.count, by: width).flatMap { body(Array(values[$0..<$0 + width])) }
    }
}
