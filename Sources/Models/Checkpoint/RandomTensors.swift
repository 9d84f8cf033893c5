import Compute

/// Tensors of any shape with hashed values: for measuring the speed of a model nobody has trained.
struct RandomTensors: TensorSource {
    /// Values before the pattern repeats: a prime, so that no two rows of a matrix are equal.
    private static let period = 65_521

    let folder = "random weights"
    let names: Set<String> = []
    private let type: DType
    private let absent: Set<String>
    private let pattern: Tensor

    /// Every tensor exists but the `absent` ones; `type`: f32, f16 or bf16.
    init(type: DType, absent: Set<String> = []) {
        let pattern = Tensor.host(shape: [Self.period], type: type)
        for index in 0..<Self.period {
            let value = Self.value(index)
            switch type {
            case .f32: pattern.bytes.storeBytes(of: value, toByteOffset: index * 4, as: Float.self)
            case .f16: pattern.bytes.storeBytes(of: Float16(value), toByteOffset: index * 2, as: Float16.self)
            case .bf16:
                let bits = UInt16(truncatingIfNeeded: value.bitPattern >> 16)
                pattern.bytes.storeBytes(of: bits, toByteOffset: index * 2, as: UInt16.self)
            case .i32, .u8, .q8, .q4: preconditionFailure("random weights are floating point, not \(type)")
            }
        }
        self.type = type
        self.absent = absent
        self.pattern = pattern
    }

    func contains(_ name: String) -> Bool { !absent.contains(name) }

    func shape(of name: String) -> [Int]? { nil }

    func check(_ name: String, shape: [Int]) {}

    func tensor(_ name: String, shape: [Int]) -> Tensor {
        let tensor = Tensor.host(shape: shape, type: type)
        var offset = 0
        while offset < tensor.byteCount {
            let count = min(pattern.byteCount, tensor.byteCount - offset)
            let target = UnsafeMutableRawBufferPointer(rebasing: tensor.bytes[offset..<offset + count])
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: pattern.bytes[..<count]))
            offset += count
        }
        return tensor
    }

    func discard(_ name: String) {}

    /// Between −0.05 and 0.05: activations neither vanish nor overflow through 30 layers of normalised blocks.
    private static func value(_ index: Int) -> Float {
        var bits = UInt32(truncatingIfNeeded: index) &* 0x9E37_79B9
        bits ^= bits >> 15
        bits &*= 0x85EB_CA6B
        bits ^= bits >> 13
        return (Float(bits >> 8) / Float(1 << 24) - 0.5) * 0.1
    }
}
