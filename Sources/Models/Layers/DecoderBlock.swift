import Compute

/// What one forward step hands to every decoder layer.
struct DecoderStep {
    let backend: any Backend
    let angles: RotaryAngles
    let cache: KVCache
    let layout: PagedLayout
}

/// One decoder block: attention and feed-forward, each added to the residual stream (pre-norm, as in Llama).
struct DecoderBlock: Sendable {
    let attentionNorm: RMSNorm
    let attention: SelfAttention
    let feedForwardNorm: RMSNorm
    let feedForward: GatedFeedForward

    init(_ weights: Weights, _ configuration: DecoderConfiguration) throws {
        let (width, epsilon) = (configuration.width, configuration.epsilon)
        attentionNorm = try RMSNorm(weights.scoped("input_layernorm"), width: width, epsilon: epsilon)
        attention = try SelfAttention(weights.scoped("self_attn"), configuration)
        feedForwardNorm = try RMSNorm(weights.scoped("post_attention_layernorm"), width: width, epsilon: epsilon)
        feedForward = try GatedFeedForward(weights.scoped("mlp"), configuration)
    }

    /// Updates `hidden` [rows, width] in place.
    func callAsFunction(_ hidden: Tensor, layer: Int, _ step: DecoderStep) throws {
        try attention(attentionNorm.input(hidden), addingTo: hidden, layer: layer, step)
        try feedForward(feedForwardNorm.input(hidden), addingTo: hidden, on: step.backend)
    }
}

/// Causal attention over the paged cache; query heads share key/value heads in groups (Ainslie et al. 2023,
/// arXiv:2305.13245).
struct SelfAttention: Sendable {
    /// width → (heads + 2 × kvHeads) × headSize.
    let queryKeyValue: Linear
    /// heads × headSize → width.
    let output: Linear
    let heads: Int
    /// RMS norms of each query's and each key's head, before positions turn them (Henry et al. 2020, arXiv:2010.04245).
    private let queryNorm: RMSNorm?
    private let keyNorm: RMSNorm?
    private let queryWidth: Int
    private let keyWidth: Int

    init(_ weights: Weights, _ configuration: DecoderConfiguration) throws {
        queryWidth = configuration.heads * configuration.headSize
        keyWidth = configuration.kvHeads * configuration.headSize
        queryKeyValue = try Linear(
            weights, fusing: ["q_proj", "k_proj", "v_proj"], inputs: configuration.width,
            outputs: [queryWidth, keyWidth, keyWidth], bias: configuration.attentionBias)
        output = try Linear(
            weights.scoped("o_proj"), inputs: queryWidth, outputs: configuration.width,
            bias: configuration.attentionOutputBias)
        heads = configuration.heads
        func norm(_ name: String) throws -> RMSNorm? {
            guard configuration.hasHeadNorms else { return nil }
            return try RMSNorm(
                weights.scoped(name), width: configuration.headSize, epsilon: configuration.epsilon)
        }
        queryNorm = try norm("q_norm")
        keyNorm = try norm("k_norm")
    }

    /// `input`: the normalised stream, [rows, width]; `residual` [rows, width] grows in place.
    func callAsFunction(_ input: LinearInput, addingTo residual: Tensor, layer: Int, _ step: DecoderStep) throws {
        let queryKeyValue = try queryKeyValue(input, on: step.backend)
        try queryNorm?.applyToHeads(of: queryKeyValue, columns: 0..<queryWidth, on: step.backend)
        try keyNorm?.applyToHeads(of: queryKeyValue, columns: queryWidth..<queryWidth + keyWidth, on: step.backend)
        let attended = try step.backend.pagedAttention(
            queryKeyValue, angles: step.angles, cache: step.cache, layer: layer, heads: heads, layout: step.layout)
        try output.add(attended, to: residual, on: step.backend)
    }
}

/// `down(silu(gate(x)) · up(x))` (Shazeer 2020, arXiv:2002.05202).
struct GatedFeedForward: Sendable {
    /// width → 2 × feedForwardWidth, the gate first.
    let gateUp: Linear
    let down: Linear

    init(_ weights: Weights, _ configuration: DecoderConfiguration) throws {
        let (width, inner) = (configuration.width, configuration.feedForwardWidth)
        let hasBias = configuration.feedForwardBias
        gateUp = try Linear(
            weights, fusing: ["gate_proj", "up_proj"], inputs: width, outputs: [inner, inner], bias: hasBias)
        down = try Linear(weights.scoped("down_proj"), inputs: inner, outputs: width, bias: hasBias)
    }

    /// `input`: the normalised stream, [rows, width]; `residual` [rows, width] grows in place.
    func callAsFunction(_ input: LinearInput, addingTo residual: Tensor, on backend: any Backend) throws {
        try down.add(.siluGated(gateUp(input, on: backend)), to: residual, on: backend)
    }
}
