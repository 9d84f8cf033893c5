import Testing

@testable import Compute

@Suite struct QuantizedLinearTests {
    /// Rows, inputs (whole blocks of 32), outputs: on both sides of panels of 16 and of the row limit.
    static let shapes = [
        (1, 32, 1), (1, 64, 16), (2, 96, 17), (3, 32, 31), (4, 160, 33), (5, 64, 48), (7, 32, 5), (8, 128, 40),
        (9, 96, 16), (13, 64, 70), (26, 160, 35),
    ]

    @Test(arguments: [(1, 32), (16, 32), (17, 64), (33, 160)], [DType.f32, .f16, .bf16])
    func `an 8-bit weight is within a step of the original`(_ shape: (Int, Int), _ type: DType) throws {
        let (outputs, inputs) = shape
        for variant in Variant.all {
            let backend = variant.backend
            let weight = try backend.random([outputs, inputs], seed: outputs, type)
            let original = try backend.doubles(weight)
            let found = try backend.doubles(backend.quantize(weight, to: .q8))
            for start in stride(from: 0, to: original.count, by: 32) {
                let block = original[start..<start + 32]
                // Half a step of rounding, and a quarter for the scale's own 8 bits.
                let tolerance = (block.map(abs).max() ?? 0) / 127 * 0.76
                for index in block.indices {
                    #expect(abs(found[index] - original[index]) <= tolerance, "\(variant.testDescription), \(index)")
                }
            }
        }
    }

    /// Uniform weights leave a step's 1/√12 of error, a step being an eighth of the largest; bell-shaped ones more.
    @Test func `4-bit weights leave the error of their sixteen levels, and less than the plain scale does`() throws {
        let backend = CPUBackend(threads: 2)
        let weight = try backend.random([48, 160], seed: 3)
        let original = try backend.doubles(weight)
        let found = try backend.doubles(backend.quantize(weight, to: .q4))
        var (error, plain) = (0.0, 0.0)
        for start in stride(from: 0, to: original.count, by: 32) {
            let block = start..<start + 32
            let top = original[block].max { abs($0) < abs($1) } ?? 0
            for index in block {
                error += (found[index] - original[index]) * (found[index] - original[index])
                let step = (original[index] / (top / -8)).rounded()
                let nearest = min(max(step, -8), 7) * (top / -8)
                plain += (nearest - original[index]) * (nearest - original[index])
            }
        }
        let square = original.reduce(0) { $0 + $1 * $1 }
        #expect((error / square).squareRoot() < 0.08)
        #expect(error < 0.97 * plain)
    }

    @Test(arguments: [DType.q8, .q4])
    func `zeros stay zeros and the largest magnitude survives`(_ type: DType) throws {
        let backend = CPUBackend(threads: 1)
        var values = [Float](repeating: 0, count: 64)
        values[40] = -3
        let found = try backend.doubles(backend.quantize(backend.tensor(values, [1, 64]), to: type))
        #expect(found.prefix(32).allSatisfy { $0 == 0 })
        #expect(abs(found[40] + 3) < 0.02)
    }

    @Test func `a weight whose rows are not whole blocks stays as it is`() throws {
        let backend = CPUBackend(threads: 1)
        #expect(try backend.quantize(backend.random([4, 33], seed: 1), to: .q8).type == .f32)
    }

    /// Only the activations' rounding to int8 is left as a difference: about 1/127/√12 of a block's largest.
    @Test(arguments: shapes, [DType.q8, .q4])
    func `a layer over quantised weights equals a naive loop over the same weights`(
        _ shape: (Int, Int, Int), _ type: DType
    ) throws {
        let (rows, inputs, outputs) = shape
        for variant in Variant.all {
            let backend = variant.backend
            let input = try backend.random([rows, inputs], seed: 5)
            let bias = try backend.random([outputs], seed: 6)
            let weight = try backend.quantize(backend.random([outputs, inputs], seed: 7), to: type)
            let expected = naiveProduct(
                try backend.doubles(input), try backend.doubles(weight), bias: try backend.doubles(bias), inputs: inputs
            )
            let found = try backend.linear(input, weight, bias: bias, activation: .none)
            #expect(relativeError(try backend.download(found), expected) < 0.01, "\(variant.testDescription)")

            let residual = try backend.random([rows, outputs], seed: 8)
            let sums = zip(try backend.doubles(residual), expected).map { $0 + $1 }
            try backend.addLinear(input, weight, bias: bias, to: residual)
            #expect(relativeError(try backend.download(residual), sums) < 0.01, "\(variant.testDescription)")
        }
    }

    @Test(arguments: Variant.alone, [DType.q8, .q4])
    func `a row's result does not depend on its company`(_ variant: Variant, _ type: DType) throws {
        let backend = variant.backend
        let weight = try backend.quantize(backend.random([50, 96], seed: 1), to: type)
        let input = try backend.random([70, 96], seed: 2)
        func outputs(_ rows: Range<Int>) throws -> [Float] {
            try backend.download(backend.linear(input.rows(rows), weight, bias: nil, activation: .silu))
        }
        let alone = try outputs(0..<1)
        for rows in [2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 70] {
            #expect(try Array(outputs(0..<rows).prefix(50)) == alone, "\(rows) rows")
        }
    }

    /// 140 rows are more than one block of them, 16 blocks of inputs more than are widened at once.
    @Test(arguments: Variant.all, [DType.q8, .q4])
    func `hundreds of rows have the results that each has alone`(_ variant: Variant, _ type: DType) throws {
        let backend = variant.backend
        let weight = try backend.quantize(backend.random([35, 512], seed: 1), to: type)
        let input = try backend.random([140, 512], seed: 2)
        let bias = try backend.random([35], seed: 3)
        func outputs(_ rows: Range<Int>) throws -> [Float] {
            try backend.download(backend.linear(input.rows(rows), weight, bias: bias, activation: .geluTanh))
        }
        let together = try outputs(0..<140)
        for row in [0, 3, 63, 64, 127, 128, 139] {
            #expect(try outputs(row..<row + 1) == Array(together[row * 35..<row * 35 + 35]), "row \(row)")
        }
    }
}
