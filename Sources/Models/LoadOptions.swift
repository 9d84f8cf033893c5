import Compute

/// How a checkpoint is loaded.
public struct LoadOptions: Sendable, Hashable {
    public enum Quantization: String, Sendable, CaseIterable {
        /// Weights stay in the type they are stored in.
        case none
        /// Matrices become symmetric int8 blocks of 32; norms, biases, position and embedding tables stay.
        case q8
        /// The decoder's matrices become 4-bit blocks of 32; the head and the vision tower take `q8`.
        case q4

        /// What a matrix of the decoder becomes; nil to leave it.
        var matrixType: DType? {
            switch self {
            case .none: nil
            case .q8: .q8
            case .q4: .q4
            }
        }

        /// For parts whose errors reach every token: a head's go into the choice itself, a tower's into all that is said
        /// of the picture.
        var withEightBits: Quantization { self == .q4 ? .q8 : self }
    }

    public var quantization: Quantization

    public init(quantization: Quantization = .none) { self.quantization = quantization }
}
