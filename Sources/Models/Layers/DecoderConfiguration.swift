/// The sizes of a Llama-type decoder, in the field's terms; read from `text_config`.
struct DecoderConfiguration: Sendable, Equatable {
    var width: Int
    var layers: Int
    var heads: Int
    var kvHeads: Int
    var headSize: Int
    var feedForwardWidth: Int
    var vocabulary: Int
    var contextLength: Int
    var epsilon: Float
    var rotary: Rotary.Configuration
    /// Of queries, keys and values.
    var attentionBias: Bool
    var attentionOutputBias: Bool
    var feedForwardBias: Bool
    /// Whether each head of queries and keys has an RMS norm of its own.
    var hasHeadNorms = false
    /// What Gemma 3 has and Llama has not; see `init(gemma3:root:)`.
    var gate = Gate.silu
    /// Added to the stored weights of RMS norms.
    var normOffset: Float = 0
    /// Whether what attention and feed-forward give is normalised before it is added.
    var hasOutputNorms = false
    /// Scores are divided by the root of this; nil: of the size of a head.
    var queryScalar: Float?
    /// Whether embeddings are multiplied by √width.
    var scalesEmbedding = false
    var sliding: SlidingLayers?
    /// Whether the tokens of a picture see each other, and not only those before them.
    var seesImagesWhole = false
    /// Whether the embedding table may stand in for an output head that is not there: a flag of the checkpoint says so,
    /// or none says anything.
    var mayTieHead: Bool

    enum Gate: Sendable { case silu, geluTanh }

    /// Layers that see a few tokens back and turn by angles of their own.
    struct SlidingLayers: Sendable, Equatable {
        var indices: Set<Int>
        /// Tokens that a row sees, its own the last.
        var window: Int
        var rotary: Rotary.Configuration
    }

    var shape: ModelShape {
        ModelShape(
            vocabulary: vocabulary, layers: layers, kvHeads: kvHeads, headSize: headSize, contextLength: contextLength,
            seesImagesWhole: seesImagesWhole)
    }

    /// Of each query, so that the scores' own 1/√headSize becomes 1/√queryScalar.
    var queryFactor: Float { queryScalar.map { (Float(headSize) / $0).squareRoot() } ?? 1 }

    /// A norm as this decoder stores it; `width`: nil for the decoder's.
    func norm(_ weights: Weights, width: Int? = nil, times factor: Float = 1) throws -> RMSNorm {
        try RMSNorm(weights, width: width ?? self.width, epsilon: epsilon, offset: normOffset, times: factor)
    }

    /// Reads the settings of a Llama, or of a Qwen2 or Qwen3 where a family has decoders of that kind; sizes have no defaults,
    /// because a wrong guess costs more than an error.
    ///
    /// `root`: the settings of the whole checkpoint, which may say something of tying too; `rotary`: read already, where a family
    /// has more than one.
    init(
        _ settings: Settings, root: Settings, kinds: [String] = ["llama"], rotary: Rotary.Configuration? = nil
    ) throws {
        let kind = try settings.string("model_type", default: kinds[0])
        guard kinds.contains(kind) else {
            throw settings.unsupported("model_type", supported: kinds.joined(separator: ", "))
        }
        guard try settings.string("hidden_act", default: "silu") == "silu" else {
            throw settings.unsupported("hidden_act", supported: "silu")
        }
        for key in ["qk_layer_norms", "rope_interleaved", "use_sliding_window"]
        where try settings.boolean(key, default: false) {
            throw settings.unsupported(key, supported: "false")
        }
        width = try settings.integer("hidden_size", in: 1...65_536)
        layers = try settings.integer("num_hidden_layers", in: 1...1024)
        heads = try settings.integer("num_attention_heads", in: 1...1024)
        kvHeads = try settings.integer("num_key_value_heads", in: 1...1024, default: heads)
        headSize = try settings.integer("head_dim", in: 2...1024, default: width / heads)
        feedForwardWidth = try settings.integer("intermediate_size", in: 1...1 << 20)
        vocabulary = try settings.integer("vocab_size", in: 1...1 << 22)
        contextLength = try settings.integer("max_position_embeddings", in: 1...1 << 24)
        epsilon = Float(try settings.number("rms_norm_eps", in: 1e-12...0.1, default: 1e-6))
        self.rotary = try rotary ?? Rotary.Configuration(settings)
        // Qwen2 has them always and says nothing of it.
        attentionOutputBias = try settings.boolean("attention_bias", default: false)
        attentionBias = attentionOutputBias || ["qwen2", "qwen2_5_vl", "qwen2_5_vl_text"].contains(kind)
        hasHeadNorms = ["qwen3", "qwen3_vl_text"].contains(kind)
        feedForwardBias = try settings.boolean("mlp_bias", default: false)
        let tying = "tie_word_embeddings"
        let flags = try [root, settings].filter { $0.value(tying) != nil }.map { try $0.boolean(tying, default: true) }
        mayTieHead = flags.isEmpty || flags.contains(true)
        guard heads.isMultiple(of: kvHeads) else {
            throw settings.failure("num_key_value_heads", expected: "a divisor of the \(heads) heads")
        }
        guard headSize.isMultiple(of: 2) else { throw settings.failure("head_dim", expected: "an even number") }
        guard self.rotary.axes.map({ $0.sections.reduce(0, +) == headSize / 2 }) ?? true else {
            throw settings.failure("mrope_section", expected: "three numbers that add up to \(headSize / 2)")
        }
    }
}
