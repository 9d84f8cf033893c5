import Compute

/// The sizes of a vision transformer's blocks.
struct EncoderConfiguration: Sendable, Equatable {
    var width: Int
    var layers: Int
    var heads: Int
    var feedForwardWidth: Int
    var epsilon: Float
    var activation: Activation
    var hasQueryKeyValueBias = true
}

extension EncoderConfiguration {
    /// Reads the keys that transformers' vision configurations share; what a file leaves out is as in `defaults`.
    /// Activation and biases are the caller's to read.
    init(_ settings: Settings, defaults: EncoderConfiguration) throws {
        guard try settings.integer("num_channels", in: 1...16, default: 3) == 3 else {
            throw settings.unsupported("num_channels", supported: "3")
        }
        self = defaults
        width = try settings.integer("hidden_size", in: 1...65_536, default: defaults.width)
        layers = try settings.integer("num_hidden_layers", in: 1...1024, default: defaults.layers)
        heads = try settings.integer("num_attention_heads", in: 1...1024, default: defaults.heads)
        guard width.isMultiple(of: heads) else {
            throw settings.failure("num_attention_heads", expected: "a divisor of the width \(width)")
        }
        feedForwardWidth = try settings.integer(
            "intermediate_size", in: 1...1 << 20, default: defaults.feedForwardWidth)
        epsilon = Float(try settings.number("layer_norm_eps", in: 1e-12...0.1, default: Double(defaults.epsilon)))
    }
}

/// What a checkpoint calls the parts of a block.
struct EncoderBlockNames: Sendable {
    let attentionNorm: String
    /// One tensor for all three, or one for each.
    let queryKeyValue: [String]
    let output: String
    let feedForwardNorm: String
    /// Factors of each channel of what attention and feed-forward add, [width], where a model has them.
    var attentionScale: String?
    var feedForwardScale: String?

    static let sigLIP = EncoderBlockNames(
        attentionNorm: "layer_norm1", queryKeyValue: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
        output: "self_attn.out_proj", feedForwardNorm: "layer_norm2")
    /// The timm library's, which RADIO keeps.
    static let timm = EncoderBlockNames(
        attentionNorm: "norm1", queryKeyValue: ["attn.qkv"], output: "attn.proj", feedForwardNorm: "norm2")
    /// transformers' for InternViT.
    static let internViT = EncoderBlockNames(
        attentionNorm: "layernorm_before",
        queryKeyValue: ["attention.q_proj", "attention.k_proj", "attention.v_proj"],
        output: "attention.projection_layer", feedForwardNorm: "layernorm_after", attentionScale: "lambda_1",
        feedForwardScale: "lambda_2")
}

/// One block of a vision transformer: pre-norm attention without a mask, then a plain feed-forward (Dosovitskiy et al.
/// 2020, arXiv:2010.11929).
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

    init(_ weights: Weights, _ configuration: EncoderConfiguration, names: EncoderBlockNames) throws {
        let (width, inner) = (configuration.width, configuration.feedForwardWidth)
        let (fused, epsilon) = (names.queryKeyValue, configuration.epsilon)
        attentionNorm = try LayerNorm(weights.scoped(names.attentionNorm), width: width, epsilon: epsilon)
        queryKeyValue = try Linear(
            weights, fusing: fused, inputs: width,
            outputs: Array(repeating: 3 * width / fused.count, count: fused.count),
            bias: configuration.hasQueryKeyValueBias)
        func factors(_ name: String?) throws -> [Float]? { try name.map { try weights.values($0, shape: [width]) } }
        output = try Linear(
            weights.scoped(names.output), inputs: width, outputs: width, bias: true,
            times: factors(names.attentionScale))
        feedForwardNorm = try LayerNorm(weights.scoped(names.feedForwardNorm), width: width, epsilon: epsilon)
        up = try Linear(weights.scoped("mlp.fc1"), inputs: width, outputs: inner, bias: true)
        down = try Linear(
            weights.scoped("mlp.fc2"), inputs: inner, outputs: width, bias: true, times: factors(names.feedForwardScale)
        )
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
