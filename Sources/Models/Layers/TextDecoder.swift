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
    private let slidingRotary: Rotary?

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
        norm = try configuration.norm(weights.scoped("norm"))
        rotary = Rotary(configuration.rotary, headSize: configuration.headSize)
        slidingRotary = configuration.sliding.map { Rotary($0.rotary, headSize: configuration.headSize) }
    }

    /// One step for the rows of `batch`: extends `cache`, gives logits [batch.logitRows.count, vocabulary].
    func forward(_ batch: ForwardBatch, cache: KVCache, on backend: any Backend) throws -> Tensor {
        let hidden = try backend.embed(batch.tokens, table: embedding)  // [rows, width]
        if configuration.scalesEmbedding {
            try backend.scale(hidden, by: embedding.type.rounded(Float(hidden.width).squareRoot()))
        }
        for image in batch.features {
            try backend.scatter(image.level(0, width: hidden.width, on: backend), into: hidden, at: image.rows)
        }
        let step = try step(of: batch, rotary, window: nil, cache, on: backend)
        let slidingStep = try slidingRotary.map {
            try self.step(of: batch, $0, window: configuration.sliding?.window, cache, on: backend)
        }
        // The last layer's work on rows whose logits nobody wants would go nowhere.
        let isNarrow =
            batch.logitRows.count < hidden.rows
            && batch.features.allSatisfy { $0.features.width <= blocks.count * hidden.width }
        for (layer, block) in blocks.enumerated() {
            let slides = configuration.sliding?.indices.contains(layer) ?? false
            let step = slides ? slidingStep ?? step : step
            if isNarrow, layer == blocks.count - 1 {
                return try logits(of: try block(hidden, keeping: batch.logitRows, layer: layer, step), on: backend)
            }
            try block(hidden, layer: layer, step)
            for image in batch.features where image.features.width > (layer + 1) * hidden.width {
                try backend.scatterAdd(
                    image.level(layer + 1, width: hidden.width, on: backend), to: hidden, at: image.rows)
            }
        }
        return try logits(of: try backend.gather(batch.logitRows, of: hidden), on: backend)
    }

    private func logits(of hidden: Tensor, on backend: any Backend) throws -> Tensor {
        guard hidden.rows > 0 else { return try backend.makeTensor([0, configuration.vocabulary], .f32) }
        return try head(norm.input(hidden), on: backend)
    }

    private func step(
        of batch: ForwardBatch, _ rotary: Rotary, window: Int?, _ cache: KVCache, on backend: any Backend
    ) throws -> DecoderStep {
        // The rows of a picture follow one another, and a step has them to the picture's end: see `seesImagesWhole`.
        let spans = configuration.seesImagesWhole ? batch.features.map(\.span) : []
        return DecoderStep(
            backend: backend, angles: try rotary.angles(of: batch, on: backend), cache: cache,
            layout: try PagedLayout(
                batch.layout, of: cache.shape, mask: AttentionMask(window: window, spans: spans), on: backend))
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
    /// From the first row to the last.
    fileprivate var span: Range<Int> { rows.isEmpty ? 0..<0 : Int(rows[0])..<Int(rows[rows.count - 1]) + 1 }

    /// What replaces embeddings (level 0), or is added after layer `level` − 1: [rows.count, width].
    fileprivate func level(_ level: Int, width: Int, on backend: any Backend) throws -> Tensor {
        let levels = features.width / width
        if levels == 1 { return features }
        let parts = features.reshaped([features.rows * levels, width])
        return try backend.gather((0..<features.rows).map { Int32($0 * levels + level) }, of: parts)
    }
}

extension DType {
    /// `value` rounded to a table's type, as a model that computes in that type has its constants.
    fileprivate func rounded(_ value: Float) -> Float {
        switch self {
        case .f16: return Float(Float16(value))
        case .bf16:
            let bits = value.bitPattern
            return Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
        case .f32, .i32, .u8, .q8, .q4: return value
        }
    }
}
