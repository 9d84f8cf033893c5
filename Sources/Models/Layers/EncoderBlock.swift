import Compute

/// The sizes of a vision transformer's blocks.
struct EncoderConfiguration: Sendable, Equatable {
    var width: Int
    var layers: Int
    var heads: Int
    var feedForwardWidth: Int
    var epsilon: Float
    var activation: Activation
}

/// One block of a vision transformer: pre-norm attention without a mask, then a plain feed-forward (Dosovitskiy et al.
/// 2020, arXiv:2010.11929), with the tensor names of SigLIP.
struct EncoderBlock: Sendable {
    let attentionNorm: LayerNorm
    /// width → 3 × width.
    let queryKeyValue: Linear
    let output: Linear
    let feedForwardNorm: LayerNorm
    let up: Linear
    let down: Linear
    private let heads: Int
    private let activation: Activation

    init(_ weights: Weights, _ configuration: EncoderConfiguration) throws {
        let (width, inner) = (configuration.width, configuration.feedForwardWidth)
        let attention = weights.scoped("self_attn")
        attentionNorm = try LayerNorm(weights.scoped("layer_norm1"), width: width, epsilon: configuration.epsilon)
        queryKeyValue = try Linear(
            attention, fusing: ["q_proj", "k_proj", "v_proj"], inputs: width, outputs: [width, width, width], bias: true
        )
        output = try Linear(attention.scoped("out_proj"), inputs: width, outputs: width, bias: true)
        feedForwardNorm = try LayerNorm(weights.scoped("layer_norm2"), width: width, epsilon: configuration.epsilon)
        up = try Linear(weights.scoped("mlp.fc1"), inputs: width, outputs: inner, bias: true)
        down = try Linear(weights.scoped("mlp.fc2"), inputs: inner, outputs: width, bias: true)
        heads = configuration.heads
        activation = configuration.activation
    }

    /// The first half: updates `hidden` [rows, width] in place; rows attend within their segment.
    func attend(_ hidden: Tensor, segments: [Int], on backend: any Backend) throws {
        let attentionInput = try queryKeyValue(attentionNorm(hidden, on: backend), on: backend)
        let attended = try backend.attention(attentionInput, heads: heads, segments: segments)
        try output.add(attended, to: hidden, on: backend)
    }

    /// The second half: updates `hidden` [rows, width] in place, each row by itself.
    ///
    /// A few rows at a time: what lies between the two products is four times as wide as the rows.
    func feedForward(_ hidden: Tensor, on backend: any Backend) throws {
        for start in stride(from: 0, to: hidden.rows, by: Self.rowsAtOnce) {
            let rows = hidden.rows(start..<min(start + Self.rowsAtOnce, hidden.rows))
            let inner = try up(feedForwardNorm(rows, on: backend), activation: activation, on: backend)
            try down.add(inner, to: rows, on: backend)
        }
    }

    /// Enough for products of full speed: the weights are read once for as many.
    private static let rowsAtOnce = 256
}
