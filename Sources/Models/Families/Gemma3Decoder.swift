import Compute

extension DecoderConfiguration {
    /// Reads the settings of a Gemma 3 decoder (Gemma Team 2025, arXiv:2503.19786). Published files leave out what is
    /// transformers' default; where that is not what the checkpoint is, the shapes of its tensors say so.
    init(gemma3 settings: Settings, root: Settings) throws {
        let settings = settings.filled(with: Self.gemma3)
        for key in ["attn_logit_softcapping", "final_logit_softcapping"] where settings.value(key) != nil {
            throw settings.unsupported(key, supported: "null")
        }
        guard try !settings.boolean("use_bidirectional_attention", default: false) else {
            throw settings.unsupported("use_bidirectional_attention", supported: "false")
        }
        guard try settings.string("hidden_activation") == "gelu_pytorch_tanh" else {
            throw settings.unsupported("hidden_activation", supported: "gelu_pytorch_tanh")
        }
        let rotary = try Self.gemma3Rotary(settings)
        try self.init(settings, root: root, kinds: ["gemma3_text"], rotary: rotary.full)
        gate = .geluTanh
        normOffset = 1
        hasHeadNorms = true
        hasOutputNorms = true
        queryScalar = Float(try settings.number("query_pre_attn_scalar", in: 1e-3...1e6))
        scalesEmbedding = true
        sliding = SlidingLayers(
            indices: try Self.slidingLayers(settings, of: layers),
            window: try settings.integer("sliding_window", in: 1...1 << 24), rotary: rotary.sliding)
    }

    private static let gemma3: [String: JSONValue] = [
        "model_type": .string("gemma3_text"), "hidden_size": .integer(2304), "intermediate_size": .integer(9216),
        "num_hidden_layers": .integer(26), "num_attention_heads": .integer(8), "num_key_value_heads": .integer(4),
        "head_dim": .integer(256), "vocab_size": .integer(262_208), "max_position_embeddings": .integer(131_072),
        "hidden_activation": .string("gelu_pytorch_tanh"), "query_pre_attn_scalar": .integer(256),
        "sliding_window": .integer(4096),
    ]

    /// `rope_parameters` for each kind of layer (transformers 5), or `rope_theta` with `rope_scaling` for full layers and
    /// `rope_local_base_freq` for sliding ones, 1,000,000 and 10,000 where they are left out.
    private static func gemma3Rotary(
        _ settings: Settings
    ) throws -> (full: Rotary.Configuration, sliding: Rotary.Configuration) {
        if let parameters = try settings.section("rope_parameters") {
            func kind(_ key: String) throws -> Rotary.Configuration {
                guard let section = try parameters.section(key) else {
                    throw parameters.failure(key, expected: "an object")
                }
                return try Rotary.Configuration(parameters: section)
            }
            return (try kind("full_attention"), try kind("sliding_attention"))
        }
        let theta = try settings.number("rope_local_base_freq", in: 1...1e12, default: 10_000)
        return (
            try Rotary.Configuration(settings.filled(with: ["rope_theta": .integer(1_000_000)])),
            Rotary.Configuration(theta: Float(theta), scaling: .none)
        )
    }

    /// `layer_types`, or every layer that is not the last of `sliding_window_pattern` (6).
    private static func slidingLayers(_ settings: Settings, of layers: Int) throws -> Set<Int> {
        let kinds = try settings.strings("layer_types")
        if kinds.isEmpty {
            // transformers 4.5x writes it with an underscore.
            let plain = "sliding_window_pattern"
            let key = settings.value(plain) == nil ? "_" + plain : plain
            let pattern = try settings.integer(key, in: 1...1024, default: 6)
            return Set((0..<layers).filter { !($0 + 1).isMultiple(of: pattern) })
        }
        guard kinds.count == layers, kinds.allSatisfy(["sliding_attention", "full_attention"].contains) else {
            throw settings.failure(
                "layer_types", expected: "sliding_attention or full_attention for each of the \(layers) layers")
        }
        return Set(kinds.indices.filter { kinds[$0] == "sliding_attention" })
    }
}
