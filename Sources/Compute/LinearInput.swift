/// What a linear layer reads: rows as they are, or computed on the way, so that an in-between result is never stored.
public enum LinearInput: Sendable {
    /// [rows, inputs].
    case rows(Tensor)
    /// `weight · x / √(mean(x²) + ε)` for each row x of [rows, inputs] (Zhang & Sennrich 2019, arXiv:1910.07467);
    /// `weight`: [inputs].
    case rmsNormalized(Tensor, weight: Tensor, epsilon: Float)
    /// `silu(gate) · up` (Shazeer 2020, arXiv:2002.05202), where each row of [rows, 2 × inputs] holds the gates first.
    case siluGated(Tensor)
    /// The same with `gelu_pytorch_tanh` for a gate, as Gemma has it.
    case geluTanhGated(Tensor)

    /// The tensor that the rows come from.
    public var source: Tensor {
        switch self {
        case .rows(let tensor), .rmsNormalized(let tensor, _, _), .siluGated(let tensor), .geluTanhGated(let tensor):
            tensor
        }
    }

    /// Length of the rows that the layer sees.
    public var width: Int {
        switch self {
        case .siluGated(let gateUp), .geluTanhGated(let gateUp): gateUp.width / 2
        case .rows, .rmsNormalized: source.width
        }
    }
}
