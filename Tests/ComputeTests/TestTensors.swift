@testable import Compute

/// Reproducible numbers (SplitMix64, Steele et al. 2014).
struct SeededNumbers {
    private var state: UInt64

    init(seed: Int) { state = UInt64(bitPattern: Int64(seed)) &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Between −1 and 1.
    mutating func uniform() -> Float { Float(Int64(bitPattern: next() >> 40)) / Float(1 << 23) - 1 }

    mutating func floats(_ count: Int) -> [Float] { (0..<count).map { _ in uniform() } }
}

extension CPUBackend {
    /// `values` rounded to `type`, at an address that is `misalignment` bytes past a vector's.
    func tensor(
        _ values: [Float], _ shape: [Int], _ type: DType = .f32, misalignment: Int = 0
    ) throws -> Tensor {
        let storage = try allocator.allocate(byteCount: type.byteCount(of: values.count) + misalignment)
        let tensor = Tensor(shape: shape, type: type, storage: storage, byteOffset: misalignment)
        for (index, value) in values.enumerated() {
            switch type {
            case .f32: tensor.address.storeBytes(of: value, toByteOffset: index * 4, as: Float.self)
            case .f16: tensor.address.storeBytes(of: Float16(value), toByteOffset: index * 2, as: Float16.self)
            case .bf16: tensor.address.storeBytes(of: bfloat16(value), toByteOffset: index * 2, as: UInt16.self)
            default: preconditionFailure("no test tensors of \(type)")
            }
        }
        return tensor
    }

    func random(_ shape: [Int], seed: Int, _ type: DType = .f32) throws -> Tensor {
        var numbers = SeededNumbers(seed: seed)
        return try tensor(numbers.floats(shape.reduce(1, *)), shape, type)
    }

    /// The elements of any tensor, exactly.
    func doubles(_ tensor: Tensor) throws -> [Double] {
        if tensor.type.isQuantized {
            return try download(embed((0..<Int32(tensor.rows)).map(\.self), table: tensor)).map(Double.init)
        }
        return (0..<tensor.count).map { index in
            switch tensor.type {
            case .f32: Double(tensor.address.loadUnaligned(fromByteOffset: index * 4, as: Float.self))
            case .f16: Double(tensor.address.loadUnaligned(fromByteOffset: index * 2, as: Float16.self))
            default:
                Double(
                    Float(
                        bitPattern: UInt32(tensor.address.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
                            << 16))
            }
        }
    }
}

/// Round to nearest, ties to even.
private func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
}

/// Largest absolute difference.
func difference(_ found: [Float], _ expected: [Double]) -> Double {
    precondition(found.count == expected.count, "\(found.count) values for \(expected.count)")
    return zip(found, expected).map { abs(Double($0) - $1) }.reduce(0) { max($0, $1.isNaN ? .infinity : $1) }
}

/// Root mean square of the difference over that of the expected values.
func relativeError(_ found: [Float], _ expected: [Double]) -> Double {
    let error = zip(found, expected).map { (Double($0) - $1) * (Double($0) - $1) }.reduce(0, +)
    return (error / expected.map { $0 * $0 }.reduce(0, +)).squareRoot()
}
