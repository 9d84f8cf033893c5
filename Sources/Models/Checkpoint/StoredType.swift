import Compute

/// How a safetensors file says that a tensor's elements are stored.
///
/// Names that are not listed stay readable, because a tensor that no model takes may have any type; only a lower bound
/// of its size can be checked.
struct StoredType: Hashable, Sendable, CustomStringConvertible {
    let name: String

    var description: String { name }

    /// Bits of an element; nil for a type of the future.
    var bitWidth: Int? { Self.bitWidths[name] }

    /// The type that computing uses for it in place, if there is one.
    var computeType: DType? {
        switch name {
        case "F32": .f32
        case "F16": .f16
        case "BF16": .bf16
        default: nil
        }
    }

    private static let bitWidths = [
        "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16,
        "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F4": 4,
        "F6_E2M3": 6, "F6_E3M2": 6,
    ]
}
