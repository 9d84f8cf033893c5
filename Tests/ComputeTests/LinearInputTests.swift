import Testing

@testable import Compute

/// Rows computed on the way into a layer are, bit for bit, those that the separate operation gives.
@Suite struct LinearInputTests {
    @Test(arguments: [DType.f32, .bf16, .q8, .q4], [1, 3, 40])
    func `a normalised row is the same whether it is stored in between or not`(_ type: DType, _ rows: Int) throws {
        for variant in Variant.all {
            let backend = variant.backend
            let norm = try backend.random([96], seed: 1, .bf16)
            let input = try backend.random([rows, 96], seed: 2)
            let weight = try Self.weight(type, [33, 96], on: backend)
            let stored = try backend.rmsNorm(input, weight: norm, epsilon: 1e-5)
            let expected = try backend.linear(stored, weight, bias: nil, activation: .none)
            let found = try backend.linear(
                .rmsNormalized(input, weight: norm, epsilon: 1e-5), weight, bias: nil, activation: .none)
            #expect(try backend.download(found) == backend.download(expected), "\(variant.testDescription)")
        }
    }

    @Test(arguments: [DType.f32, .bf16, .q8, .q4], [1, 3, 40])
    func `a gated row is the same whether it is stored in between or not`(_ type: DType, _ rows: Int) throws {
        for variant in Variant.all {
            let backend = variant.backend
            let gateUp = try backend.random([rows, 2 * 64], seed: 3)
            let weight = try Self.weight(type, [17, 64], on: backend)
            let expected = try backend.random([rows, 17], seed: 4)
            let found = try backend.random([rows, 17], seed: 4)
            try backend.addLinear(backend.siluMultiply(gateUp), weight, bias: nil, to: expected)
            try backend.addLinear(.siluGated(gateUp), weight, bias: nil, to: found)
            #expect(try backend.download(found) == backend.download(expected), "\(variant.testDescription)")
            try backend.addLinear(backend.geluTanhMultiply(gateUp), weight, bias: nil, to: expected)
            try backend.addLinear(.geluTanhGated(gateUp), weight, bias: nil, to: found)
            #expect(try backend.download(found) == backend.download(expected), "\(variant.testDescription)")
        }
    }

    private static func weight(_ type: DType, _ shape: [Int], on backend: CPUBackend) throws -> Tensor {
        guard type.isQuantized else { return try backend.random(shape, seed: 5, type) }
        return try backend.quantize(backend.random(shape, seed: 5), to: type)
    }
}
