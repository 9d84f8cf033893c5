import Foundation

@testable import Models

/// A tiny random Llama, written as a folder in Hugging Face's layout and as a GGUF file with the rows of queries and keys
/// in llama.cpp's order.
enum GGUFLlama {
    static let width = 64
    static let heads = 4
    static let kvHeads = 2
    static let headSize = 16
    static let inner = 96
    static let layers = 2
    static let marks = ["<|im_start|>", "<|im_end|>"]
    static let tokens =
        (UInt8.min...UInt8.max).map { String(decoding: ByteAlphabet.symbol(of: $0), as: UTF8.self) } + ["he", "ll"]
        + marks
    static let template =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' }}"
        + "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"

    private typealias Weights = [(gguf: String, name: String, shape: [Int], heads: Int?)]

    private static var weights: Weights {
        var all: Weights = [
            ("token_embd.weight", "model.embed_tokens.weight", [tokens.count, width], nil),
            ("output_norm.weight", "model.norm.weight", [width], nil),
        ]
        for layer in 0..<layers {
            func add(_ gguf: String, _ name: String, _ shape: [Int], heads: Int? = nil) {
                all.append(("blk.\(layer).\(gguf)", "model.layers.\(layer).\(name)", shape, heads))
            }
            add("attn_norm.weight", "input_layernorm.weight", [width])
            add("ffn_norm.weight", "post_attention_layernorm.weight", [width])
            let (q, k) = (heads * headSize, kvHeads * headSize)
            for (part, shape) in [("weight", [q, width]), ("bias", [q])] {
                add("attn_q.\(part)", "self_attn.q_proj.\(part)", shape, heads: heads)
            }
            for (part, shape) in [("weight", [k, width]), ("bias", [k])] {
                add("attn_k.\(part)", "self_attn.k_proj.\(part)", shape, heads: kvHeads)
                add("attn_v.\(part)", "self_attn.v_proj.\(part)", shape)
            }
            add("attn_output.weight", "self_attn.o_proj.weight", [width, q])
            add("attn_output.bias", "self_attn.o_proj.bias", [width])
            add("ffn_gate.weight", "mlp.gate_proj.weight", [inner, width])
            add("ffn_up.weight", "mlp.up_proj.weight", [inner, width])
            add("ffn_down.weight", "mlp.down_proj.weight", [width, inner])
        }
        return all
    }

    /// Between −0.25 and 0.25; the same in both files.
    private static func values(_ count: Int, seed: Int) -> [Float] {
        var state = UInt32(truncatingIfNeeded: seed &* 0x9E37_79B9 | 1)
        return (0..<count).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return Float(Int(state >> 8) - 1 << 23) / Float(1 << 25)
        }
    }

    /// Row 2j + i of a head in the file is row i · headSize / 2 + j of the model.
    private static func tangled(_ values: [Float], _ shape: [Int], heads: Int) -> [Float] {
        let row = values.count / shape[0]
        return (0..<shape[0]).flatMap { place -> ArraySlice<Float> in
            let (head, within) = place.quotientAndRemainder(dividingBy: headSize)
            let source = head * headSize + within % 2 * headSize / 2 + within / 2
            return values[source * row..<(source + 1) * row]
        }
    }

    /// The GGUF file, for tests to spoil.
    static func file() -> GGUFBytes {
        var file = GGUFBytes()
        let sizes = [
            ("embedding_length", width), ("block_count", layers), ("feed_forward_length", inner),
            ("attention.head_count", heads), ("attention.head_count_kv", kvHeads), ("context_length", 256),
            ("rope.dimension_count", headSize), ("vocab_size", tokens.count),
        ]
        file.metadata = [("general.architecture", .string("llama"))]
        file.metadata += sizes.map { ("llama." + $0, .u32(UInt32($1))) }
        file.metadata += [
            ("llama.attention.layer_norm_rms_epsilon", .f32(1e-5)), ("llama.rope.freq_base", .f32(500)),
            ("tokenizer.ggml.model", .string("gpt2")), ("tokenizer.ggml.pre", .string("gpt-2")),
            ("tokenizer.ggml.tokens", .strings(tokens)),
            ("tokenizer.ggml.token_type", .array(5, tokens.map { .i32(marks.contains($0) ? 3 : 1) })),
            ("tokenizer.ggml.merges", .strings(["h e", "l l"])),
            ("tokenizer.ggml.bos_token_id", .u32(UInt32(tokens.count - 2))),
            ("tokenizer.ggml.eos_token_id", .u32(UInt32(tokens.count - 1))),
            ("tokenizer.chat_template", .string(template)),
        ]
        file.tensors = weights.enumerated().map { seed, weight in
            let values = values(weight.shape.reduce(1, *), seed: seed)
            return .init(
                weight.gguf, shape: weight.shape,
                values: weight.heads.map { tangled(values, weight.shape, heads: $0) } ?? values)
        }
        return file
    }

    /// The same model as safetensors, with its tokenizer and template beside it.
    static func writeFolder(_ folder: TemporaryFolder, scaling: String = "null") throws {
        var tensors: [String: (shape: [Int], values: [Float])] = [:]
        for (seed, weight) in weights.enumerated() {
            tensors[weight.name] = (weight.shape, values(weight.shape.reduce(1, *), seed: seed))
        }
        try folder.write(SafetensorsBytes.file(tensors), to: "model.safetensors")
        try folder.write(
            Array(
                """
                {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": \(width),
                 "num_hidden_layers": \(layers), "num_attention_heads": \(heads), "num_key_value_heads": \(kvHeads),
                 "intermediate_size": \(inner), "vocab_size": \(tokens.count), "max_position_embeddings": 256,
                 "rms_norm_eps": 1e-5, "rope_theta": 500, "attention_bias": true, "rope_scaling": \(scaling),
                 "eos_token_id": \(tokens.count - 1)}
                """.utf8), to: "config.json")
        let vocabulary = Dictionary(
            uniqueKeysWithValues: tokens.enumerated().filter { !marks.contains($0.element) }.map {
                ($0.element, $0.offset)
            })
        let tokenizer: [String: Any] = [
            "added_tokens": marks.map {
                ["id": tokens.firstIndex(of: $0) ?? 0, "content": $0, "special": true] as [String: Any]
            },
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true] as [String: Any],
            "decoder": ["type": "ByteLevel"],
            "model": ["type": "BPE", "vocab": vocabulary, "merges": ["h e", "l l"]] as [String: Any],
        ]
        try folder.write(Array(JSONSerialization.data(withJSONObject: tokenizer)), to: "tokenizer.json")
        try folder.write(Array(template.utf8), to: "chat_template.jinja")
    }
}
