import Compute

/// What one forward step hands to every decoder layer.
struct DecoderStep {
    let backend: any Backend
    let angles: RotaryAngles
    let cache: KVCache
    let layout: PagedLayout
}

/// One decoder block: attention and feed-forward, each added to the residual stream (pre-norm, as in Llama; Gemma 3 also
/// normalises what is added).
struct DecoderBlock: Sendable {
    let attentionNorm: RMSNorm
    let attention: SelfAttention
    let feedForwardNorm: RMSNorm
    let feedForward: GatedFeedForward

    init(_ weights: Weights, _ configuration: DecoderConfiguration) throws {
        func norm(_ name: String) throws -> RMSNorm { try configuration.norm(weights.scoped(name)) }
        attentionNorm = try norm("input_layernorm")
        let output: (attention: RMSNorm, feedForward: RMSNorm)?
        if configuration.hasOutputNorms {
            feedForwardNorm = try norm("pre_feedforward_layernorm")
            output = (try norm("post_attention_layernorm"), try norm("post_feedforward_layernorm"))
        } else {
            feedForwardNorm = try norm("post_attention_layernorm")
            output = nil
        }
        attention = try SelfAttention(weights.scoped("self_attn"), configuration, outputNorm: output?.attention)
        feedForward = try GatedFeedForward(weights.scoped("mlp"), configuration, outputNorm: output?.feedForward)
    }

    /// Updates `hidden` [rows, width] in place.
    func callAsFunction(_ hidden: Tensor, layer: Int, _ step: DecoderStep) throws {
        try attention(attentionNorm.input(hidden), addingTo: hidden, layer: layer, step)
        try feedForward(feedForwardNorm.input(hidden), addingTo: hidden, on: step.backend)
    }

    /// As the last block, of which only some rows are read: [rows, width] as the whole block would leave them. Of the others
    /// nothing but keys and values is computed.
    func callAsFunction(_ hidden: Tensor, keeping rows: [Int32], layer: Int, _ step: DecoderStep) throws -> Tensor {
        let attended = try attention.attended(attentionNorm.input(hidden), layer: layer, step)
        let kept = try step.backend.gather(rows, of: hidden)
        guard !rows.isEmpty else { return kept }
        try attention.add(try step.backend.gather(rows, of: attended), to: kept, on: step.backend)
        try feedForward(feedForwardNorm.input(kept), addingTo: kept, on: step.backend)
        return kept
    }
}

/// Attention over the paged cache, causal but for what the step's layout says; query heads share key/value heads in groups
/// (Ainslie et al. 2023, arXiv:2305.13245).
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
    /// Of what is added to the residual stream.
    private let outputNorm: RMSNorm?

    init(_ weights: Weights, _ configuration: DecoderConfiguration, outputNorm: RMSNorm?) throws {
        self.outputNorm = outputNorm
        queryWidth = configuration.heads * configuration.headSize
        keyWidth = configuration.kvHeads * configuration.headSize
        queryKeyValue = try Linear(
            weights, fusing: ["q_proj", "k_proj", "v_proj"], inputs: configuration.width,
            outputs: [queryWidth, keyWidth, keyWidth], bias: configuration.attentionBias)
        output = try Linear(
            weights.scoped("o_proj"), inputs: queryWidth, outputs: configuration.width,
            bias: configuration.attentionOutputBias)
        heads = configuration.heads
        func norm(_ name: String, times factor: Float = 1) throws -> RMSNorm? {
            guard configuration.hasHeadNorms else { return nil }
            return try configuration.norm(weights.scoped(name), width: configuration.headSize, times: factor)
        }
        queryNorm = try norm("q_norm", times: configuration.queryFactor)
        keyNorm = try norm("k_norm")
    }

    /// `input`: the normalised stream, [rows, width]; `residual` [rows, width] grows in place.
    func callAsFunction(_ input: LinearInput, addingTo residual: Tensor, layer: Int, _ step: DecoderStep) throws {
        try add(try attended(input, layer: layer, step), to: residual, on: step.backend)
    }

    /// Stores keys and values of `input`; what its queries see, before the output projection: [rows, heads × headSize].
    func attended(_ input: LinearInput, layer: Int, _ step: DecoderStep) throws -> Tensor {
        let queryKeyValue = try queryKeyValue(input, on: step.backend)
        try queryNorm?.applyToHeads(of: queryKeyValue, columns: 0..<queryWidth, on: step.backend)
        try keyNorm?.applyToHeads(of: queryKeyValue, columns: queryWidth..<queryWidth + keyWidth, on: step.backend)
        return try step.backend.pagedAttention(
            queryKeyValue, angles: step.angles, cache: step.cache, layer: layer, heads: heads, layout: step.layout)
    }

    /// The output projection of `attended` [rows, heads × headSize], added to `residual` [rows, width].
    func add(_ attended: Tensor, to residual: Tensor, on backend: any Backend) throws {
        try output.add(.rows(attended), normedBy: outputNorm, to: residual, on: backend)
    }
}

/// `down(activation(gate(x)) · up(x))` (Shazeer 2020, arXiv:2002.05202).
struct GatedFeedForward: Sendable {
    /// width → 2 × feedForwardWidth, the gate first.
    let gateUp: Linear
    let down: Linear
    private let gate: DecoderConfiguration.Gate
    /// Of what is added to the residual stream.
    private let outputNorm: RMSNorm?

    init(_ weights: Weights, _ configuration: DecoderConfiguration, outputNorm: RMSNorm?) throws {
        gate = configuration.gate
        self.outputNorm = outputNorm
        let (width, inner) = (configuration.width, configuration.feedForwardWidth)
        let hasBias = configuration.feedForwardBias
        gateUp = try Linear(
            weights, fusing: ["gate_proj", "up_proj"], inputs: width, outputs: [inner, inner], bias: hasBias)
        down = try Linear(weights.scoped("down_proj"), inputs: inner, outputs: width, bias: hasBias)
    }

    /// `input`: the normalised stream, [rows, width]; `residual` [rows, width] grows in place.
    func callAsFunction(_ input: LinearInput, addingTo residual: Tensor, on backend: any Backend) throws {
        let gateUp = try gateUp(input, on: backend)
        let gated: LinearInput =
            switch gate {
            case .silu: .siluGated(gateUp)
            case .geluTanh: .geluTanhGated(gateUp)
            }
        try down.add(gated, normedBy: outputNorm, to: residual, on: backend)
    }
}
