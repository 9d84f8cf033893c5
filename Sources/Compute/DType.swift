/// How one element of a tensor is stored.
///
/// Activations are always `f32` on the CPU backend. `q8` and `q4` are weight formats only: blocks of 32 signed integers of 8
/// or 4 bits along the last dimension, each with its own bf16 scale, in the order that the backend which made it reads
/// best.
public enum DType: String, Sendable, CaseIterable {
    case f32, f16, bf16, i32, u8, q8, q4

    /// Elements that share one block; 1 for plain types.
    public var blockLength: Int { isQuantized ? 32 : 1 }

    public var isQuantized: Bool { self == .q8 || self == .q4 }

    /// Bytes of one block (of one element for plain types).
    public var blockByteCount: Int {
        switch self {
        case .f32, .i32: 4
        case .f16, .bf16: 2
        case .u8: 1
        case .q8: 34
        case .q4: 18
        }
    }

    /// Bytes of `count` elements; `count` must be a whole number of blocks.
    public func byteCount(of count: Int) -> Int {
        precondition(count.isMultiple(of: blockLength), "\(count) elements are not whole \(rawValue) blocks")
        return count / blockLength * blockByteCount
    }
}
