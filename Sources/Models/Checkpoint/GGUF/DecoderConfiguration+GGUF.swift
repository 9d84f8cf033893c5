import Compute

extension DecoderConfiguration {
    /// Reads the `llama.` keys of a GGUF file. Where one is absent, it means what llama.cpp takes it to mean.
    init(_ gguf: GGUF) throws {
        let metadata = gguf.metadata
        func size(_ key: String, upTo limit: Int, default fallback: Int? = nil) throws -> Int {
            try metadata.integer("llama." + key, in: 1...limit, default: fallback)
        }
        try Self.refuseExperts(metadata)
        width = try size("embedding_length", upTo: 65_536)
        layers = try size("block_count", upTo: 1024)
        heads = try size("attention.head_count", upTo: 1024)
        kvHeads = try size("attention.head_count_kv", upTo: 1024, default: heads)
        headSize = try metadata.integer("llama.attention.key_length", in: 2...1024, default: width / heads)
        feedForwardWidth = try size("feed_forward_length", upTo: 1 << 20)
        contextLength = try size("context_length", upTo: 1 << 24)
        vocabulary = try size(
            "vocab_size", upTo: 1 << 22, default: try metadata.strings("tokenizer.ggml.tokens").count)
        epsilon = Float(try metadata.number("llama.attention.layer_norm_rms_epsilon", in: 1e-12...0.1))
        rotary = try Rotary.Configuration(gguf, headSize: headSize)
        attentionBias = gguf.entries["blk.0.attn_q.bias"] != nil
        attentionOutputBias = attentionBias
        feedForwardBias = gguf.entries["blk.0.ffn_up.bias"] != nil
        mayTieHead = true
        guard heads.isMultiple(of: kvHeads) else {
            throw metadata.failure("llama.attention.head_count_kv", expected: "a divisor of the \(heads) heads")
        }
        guard headSize.isMultiple(of: 2) else {
            throw metadata.failure("llama.attention.key_length", expected: "an even number")
        }
        for key in ["llama.attention.value_length", "llama.rope.dimension_count"]
        where try metadata.integer(key, in: 1...1024, default: headSize) != headSize {
            throw metadata.unsupported(key, supported: "the size of a head, \(headSize)")
        }
    }

    private static func refuseExperts(_ metadata: Settings) throws {
        let key = "llama.expert_count"
        guard try metadata.integer(key, in: 0...65_536, default: 0) == 0 else {
            throw metadata.unsupported(key, supported: "0, a model without experts")
        }
    }
}

extension Rotary.Configuration {
    /// llama.cpp's base where a file names none.
    private static let defaultBase = 10_000.0

    init(_ gguf: GGUF, headSize: Int) throws {
        let metadata = gguf.metadata
        theta = Float(try metadata.number("llama.rope.freq_base", in: 1...1e12, default: Self.defaultBase))
        let (type, newKey, oldKey) = ("llama.rope.scaling.type", "llama.rope.scaling.factor", "llama.rope.scale_linear")
        let key = metadata.value(newKey) == nil ? oldKey : newKey
        let factors = try Self.factors(gguf, count: headSize / 2)
        switch try metadata.string(type, default: "linear") {
        case "none": scaling = factors.map(Rotary.Scaling.divided) ?? .none
        case "linear":
            let factor = Float(try metadata.number(key, in: 0...1e9, default: 0))
            let isScaled = factor != 0 && factor != 1
            if isScaled, factors != nil {
                throw metadata.unsupported(key, supported: "1 beside \(GGUFNames.rotaryFactors)")
            }
            scaling = factors.map(Rotary.Scaling.divided) ?? (isScaled ? .linear(factor: factor) : .none)
        default: throw metadata.unsupported(type, supported: "none, linear")
        }
    }

    /// `rope_freqs.weight`, where the file holds it: what the converter made of Llama 3's scaling.
    private static func factors(_ gguf: GGUF, count: Int) throws -> [Float]? {
        guard let entry = gguf.entries[GGUFNames.rotaryFactors] else { return nil }
        let path = gguf.file.path
        guard entry.type.reading == .inPlace(.f32) else {
            throw ModelError.unsupportedType(
                tensor: entry.name, file: path, found: entry.type.name, supported: "F32 here")
        }
        guard entry.shape == [count] else {
            throw ModelError.wrongShape(tensor: entry.name, file: path, expected: [count], found: entry.shape)
        }
        let bytes = gguf.bytes(of: entry)
        return try (0..<count).map { index in
            let factor = bytes.loadUnaligned(fromByteOffset: index * 4, as: Float.self)
            guard factor.isFinite, factor > 0 else {
                throw ModelError.malformedGGUF(
                    file: path, reason: "tensor \(entry.name): the factor \(factor) cannot divide a frequency")
            }
            return factor
        }
    }
}
