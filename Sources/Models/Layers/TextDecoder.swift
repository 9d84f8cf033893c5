import Compute

/// A Llama-type decoder: token embedding, blocks, final norm and output head (Touvron et al. 2023, arXiv:2302.13971).
struct TextDecoder: Sendable {
    let configuration: DecoderConfiguration
    /// [vocabulary, width].
    let embedding: Tensor
    let blocks: [DecoderBlock]
    let norm: RMSNorm
    /// width → vocabulary.
    let head: Linear
    private let rotary: Rotary

    /// `weights` are those of the decoder's body; `root` those of the whole checkpoint, where the head lies.
    init(_ weights: Weights, root: Weights, _ configuration: DecoderConfiguration) throws {
        let (width, vocabulary) = (configuration.width, configuration.vocabulary)
        self.configuration = configuration
        embedding = try weights.table("embed_tokens.weight", rows: vocabulary, width: width)
        // Checkpoints contradict themselves about tying; a head that is there is always meant to be used.
        let isTied = configuration.mayTieHead && !root.contains("lm_head.weight")
        // Before the blocks: what a head is quantised from is large, and as long as it lasts not everything is there yet.
        head = Linear(
            weight: isTied
                ? try root.head(tiedTo: embedding)
                : try root.head("lm_head.weight", outputs: vocabulary, inputs: width))
        blocks = try (0..<configuration.layers).map {
            try DecoderBlock(weights.scoped("layers.\($0)"), configuration)
        }
        norm = try RMSNorm(weights.scoped("norm"), width: width, epsilon: configuration.epsilon)
        rotary = Rotary(configuration.rotary, headSize: configuration.headSize)
    }

    /// One step for the rows of `batch`: extends `cache`, gives logits [batch.logitRows.count, vocabulary].
    func forward(_ batch: ForwardBatch, cache: KVCache, on backend: any Backend) throws -> Tensor {
        let hidden = try backend.embed(batch.tokens, table: embedding)  // [rows, width]
        for image in batch.features {
            try backend.scatter(image.level(0, width: hidden.width, on: backend), into: hidden, at: image.rows)
        }
        let step = DecoderStep(
            backend: backend, angles: try rotary.angles(of: batch, on: backend), cache: cache,
            layout: try PagedLayout(batch.layout, of: cache.shape, on: backend))
        for (layer, block) in blocks.enumerated() {
            try block(hidden, layer: layer, step)
            for image in batch.features where image.features.width > (layer + 1) * hidden.width {
                try backend.scatterAdd(
                    image.level(layer + 1, width: hidden.width, on: backend), to: hidden, at: image.rows)
            }
        }
        guard !batch.logitRows.isEmpty else { return try backend.makeTensor([0, configuration.vocabulary], .f32) }
        let last = try backend.gather(batch.logitRows, of: hidden)  // [logitRows, width]
        return try head(norm.input(last), on: backend)
    }

    /// Bytes of the matrices, each of which a step reads once; the embedding table is only looked up.
    var stepWeightBytes: Int {
        let matrices = blocks.flatMap { block in
            [block.attention.queryKeyValue, block.attention.output, block.feedForward.gateUp, block.feedForward.down]
        }
        return (matrices + [head]).reduce(0) { $0 + $1.weight.byteCount }
    }
}

extension FeatureRows {
    /// What replaces embeddings (level 0), or is added after layer `level` − 1: [rows.count, width].
    fileprivate func level(_ level: Int, width: Int, on backend: any Backend) throws -> Tensor {
        let levels = features.width / width
        if levels == 1 { return features }
        let parts = features.reshaped([features.rows * levels, width])
        return try backend.gather((0..<features.rows).map { Int32($0 * levels + level) }, of: parts)
    }
}
