import Foundation
import Testing

@testable import Compute

@Suite struct LinearTests {
    /// Rows, inputs, outputs: on both sides of every tile, block, vector and row limit.
    static let shapes: [(Int, Int, Int)] = [
        (1, 1, 1), (1, 7, 5), (1, 64, 64), (2, 33, 17), (3, 100, 70), (4, 31, 129), (5, 16, 3), (6, 48, 65), (7, 9, 40),
        (8, 96, 33), (9, 1, 2), (9, 65, 33), (11, 40, 16), (12, 17, 31), (13, 128, 100), (16, 33, 50),
        (17, 1, 2), (17, 65, 33), (19, 40, 16), (20, 17, 31), (25, 30, 7), (50, 70, 64), (97, 19, 35),
    ]

    @Test(arguments: shapes, [DType.f32, .f16, .bf16])
    func `linear layers equal a naive loop`(_ shape: (Int, Int, Int), _ type: DType) throws {
        let (rows, inputs, outputs) = shape
        let layer = try RandomLayer(rows: rows, inputs: inputs, outputs: outputs, type)
        let expected = layer.naive()
        let tolerance = 2e-6 * Double(inputs).squareRoot() + 1e-6
        for variant in Variant.all {
            let found = try layer.run(on: variant.backend)
            #expect(difference(found, expected) < tolerance, "\(variant.testDescription)")
        }
    }

    @Test(arguments: shapes, [true, false])
    func `linear layers can be added to a residual`(_ shape: (Int, Int, Int), _ hasBias: Bool) throws {
        let (rows, inputs, outputs) = shape
        let layer = try RandomLayer(rows: rows, inputs: inputs, outputs: outputs, .f32, hasBias: hasBias)
        var numbers = SeededNumbers(seed: 3)
        let residual = numbers.floats(rows * outputs)
        let expected = zip(residual, layer.naive()).map { Double($0) + $1 }
        for variant in Variant.all {
            let backend = variant.backend
            let target = try backend.tensor(residual, [rows, outputs])
            try backend.addLinear(layer.input, layer.weight, bias: layer.bias, to: target)
            #expect(difference(try backend.download(target), expected) < 2e-5, "\(variant.testDescription)")
        }
    }

    @Test(arguments: [(1, 24, 19), (8, 40, 70), (20, 33, 37)], [Activation.geluTanh, .gelu, .silu, .quickGELU])
    func `activations are fused into linear layers`(_ shape: (Int, Int, Int), _ activation: Activation) throws {
        let (rows, inputs, outputs) = shape
        let layer = try RandomLayer(rows: rows, inputs: inputs, outputs: outputs, .f32)
        let expected = layer.naive().map(activation.exact)
        for variant in Variant.all {
            let found = try layer.run(on: variant.backend, activation)
            #expect(difference(found, expected) < 1e-5, "\(variant.testDescription)")
        }
    }

    @Test(arguments: [1, 12, 18], [DType.f32, .f16, .bf16])
    func `weights may lie at any address`(_ rows: Int, _ type: DType) throws {
        let layer = try RandomLayer(rows: rows, inputs: 37, outputs: 19, type, misalignment: 3)
        let expected = layer.naive()
        for variant in Variant.alone {
            #expect(difference(try layer.run(on: variant.backend), expected) < 1e-5, "\(variant.testDescription)")
        }
    }

    @Test(arguments: Variant.alone)
    func `half precision weights keep subnormals, infinities and signs`(_ variant: Variant) throws {
        let backend = variant.backend
        let values: [Float] = [0, -0.0, 5.9604645e-8, -6.1e-5, 6.0975552e-5, 65504, -65504, .infinity, 1, -2, 0.333]
        let table = try backend.tensor(values, [1, values.count], .f16)
        let found = try backend.download(backend.embed([0], table: table))
        #expect(found.map(Double.init) == values.map { Double(Float16($0)) })
    }

    @Test(arguments: Variant.alone, [DType.f32, .f16, .bf16])
    func `a row's result does not depend on its company`(_ variant: Variant, _ type: DType) throws {
        let backend = variant.backend
        let weight = try backend.random([70, 100], seed: 1, type)
        let input = try backend.random([60, 100], seed: 2)
        func outputs(_ rows: Range<Int>) throws -> [Float] {
            try backend.download(backend.linear(input.rows(rows), weight, bias: nil, activation: .silu))
        }
        let alone = try outputs(0..<1)
        for rows in 2...16 { #expect(try Array(outputs(0..<rows).prefix(70)) == alone, "\(rows) rows") }
        let many = try outputs(0..<17)
        for rows in [18, 21, 25, 60] { #expect(try Array(outputs(0..<rows).prefix(17 * 70)) == many, "\(rows) rows") }
    }

    @Test func `a layer larger than one block of packed rows is whole`() throws {
        let backend = CPUBackend(threads: 2)
        let weight = try backend.random([3, 5000], seed: 2)
        let input = try backend.random([530, 5000], seed: 1)
        let whole = try backend.download(backend.linear(input, weight, bias: nil, activation: .none))
        // Each row alone takes another path, which other tests hold to the naive loop.
        for row in [0, 235, 239, 240, 479, 480, 529] {
            let alone = try backend.linear(input.rows(row..<row + 1), weight, bias: nil, activation: .none)
            let expected = try backend.download(alone).map(Double.init)
            #expect(difference(Array(whole[row * 3..<row * 3 + 3]), expected) < 5e-4, "row \(row)")
        }
    }

    @Test func `no rows give no rows`() throws {
        let backend = CPUBackend(threads: 2)
        let weight = try backend.random([4, 8], seed: 1)
        let empty = try backend.makeTensor([0, 8], .f32)
        #expect(try backend.linear(empty, weight, bias: nil, activation: .none).shape == [0, 4])
    }
}

/// Random operands of one linear layer and their product in double precision.
struct RandomLayer {
    let input, weight: Tensor
    let bias: Tensor?
    /// The operands as the layer sees them: rounded to their types.
    private let operands: (input: [Double], weight: [Double], bias: [Double]?)

    init(
        rows: Int, inputs: Int, outputs: Int, _ type: DType, hasBias: Bool = true, misalignment: Int = 0
    ) throws {
        let backend = CPUBackend(threads: 1)
        var numbers = SeededNumbers(seed: rows * 7919 + inputs)
        input = try backend.tensor(numbers.floats(rows * inputs), [rows, inputs])
        weight = try backend.tensor(
            numbers.floats(outputs * inputs), [outputs, inputs], type, misalignment: misalignment)
        bias = hasBias ? try backend.tensor(numbers.floats(outputs), [outputs], type, misalignment: misalignment) : nil
        operands = (try backend.doubles(input), try backend.doubles(weight), try bias.map(backend.doubles))
    }

    func naive() -> [Double] { naiveProduct(operands.input, operands.weight, bias: operands.bias, inputs: input.width) }

    func run(on backend: CPUBackend, _ activation: Activation = .none) throws -> [Float] {
        try backend.download(backend.linear(input, weight, bias: bias, activation: activation))
    }
}

/// `input · weightᵀ + bias`, one multiplication after another.
func naiveProduct(_ input: [Double], _ weight: [Double], bias: [Double]?, inputs: Int) -> [Double] {
    let outputs = weight.count / inputs
    var result: [Double] = []
    input.withUnsafeBufferPointer { x in
        weight.withUnsafeBufferPointer { w in
            for row in 0..<x.count / inputs {
                for output in 0..<outputs {
                    var sum = bias?[output] ?? 0
                    var k = 0
                    while k < inputs {
                        sum += x[row * inputs + k] * w[output * inputs + k]
                        k += 1
                    }
                    result.append(sum)
                }
            }
        }
    }
    return result
}

extension Activation {
    /// The function in double precision.
    func exact(_ x: Double) -> Double {
        switch self {
        case .none: x
        case .geluTanh: x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .gelu: x / 2 * erfc(-x / 2.0.squareRoot())
        case .silu: x / (1 + exp(-x))
        case .quickGELU: x / (1 + exp(-1.702 * x))
        }
    }
}
