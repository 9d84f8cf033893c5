/// llama.cpp's names of a Llama's tensors and what Hugging Face calls them.
enum GGUFNames {
    /// Rotary factors, one for each pair of a head; they belong to the configuration.
    static let rotaryFactors = "rope_freqs.weight"

    private static let outside = [
        "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
    ]

    private static let inLayer = [
        "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
        "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    ]

    /// "blk.3.attn_q.weight" is "model.layers.3.self_attn.q_proj.weight"; unknown names stay as they are and end up as
    /// leftovers.
    static func canonicalName(of name: String) -> String {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2, let module = outside[parts[0]] { return "\(module).\(parts[1])" }
        guard parts.count == 4, parts[0] == "blk", let layer = Int(parts[1]), layer >= 0, String(layer) == parts[1],
            let module = inLayer[parts[2]]
        else { return name }
        return "model.layers.\(layer).\(module).\(parts[3])"
    }
}
