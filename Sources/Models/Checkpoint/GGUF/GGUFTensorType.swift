import Compute

/// How a GGUF file stores a tensor's elements: a number of ggml's list of types.
///
/// Types that Docent does not read keep their names, for errors, and where known their sizes, for the header's check.
struct GGUFTensorType: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of a block of so many elements.
    struct Layout: Hashable, Sendable {
        let elements: Int
        let bytes: Int
    }

    let number: UInt32
    let name: String
    /// Nil for a type of the future.
    let layout: Layout?

    var description: String { name }

    init(number: UInt32) {
        self.number = number
        let known = Self.known[number]
        name = known?.name ?? "type \(number)"
        layout = known.map { Layout(elements: $0.elements, bytes: $0.bytes) }
    }

    /// What Docent makes of it; nil for what it does not read.
    var reading: Reading? {
        switch number {
        case 0: .inPlace(.f32)
        case 1: .inPlace(.f16)
        case 30: .inPlace(.bf16)
        case 2: .widened(.q4_0)
        case 3: .widened(.q4_1)
        case 8: .widened(.q8_0)
        default: nil
        }
    }

    enum Reading: Hashable, Sendable {
        /// Computed with where it lies.
        case inPlace(DType)
        /// Blocks that loading turns into f16.
        case widened(GGUFBlocks)
    }

    /// For errors.
    static let supported = "F32, F16, BF16, Q4_0, Q4_1 and Q8_0"

    /// ggml's `ggml_type` with elements and bytes of a block. 4, 5, 31 to 33 and 36 to 38 were given up.
    private static let known: [UInt32: (name: String, elements: Int, bytes: Int)] = [
        0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
        7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
        12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
        16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
        20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
        24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
        29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
        39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36),
    ]
}
