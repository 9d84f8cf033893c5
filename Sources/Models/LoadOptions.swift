/// How a checkpoint is loaded.
public struct LoadOptions: Sendable, Hashable {
    public enum Quantization: String, Sendable, CaseIterable {
        /// Weights stay in the type they are stored in.
        case none
        /// Matrices become symmetric int8 blocks of 32; norms, biases, position and embedding tables stay.
        case q8
    }

    public var quantization: Quantization

    public init(quantization: Quantization = .none) { self.quantization = quantization }
}
