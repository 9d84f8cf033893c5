import Compute

/// The eye: a SigLIP tower (Zhai et al. 2023, arXiv:2303.15343), the mean of neighbouring patches, a norm and one product
/// into the decoder's width.
struct Gemma3Vision: VisionTower {
    private let configuration: Gemma3Configuration
    private let patchEmbedding: PatchEmbedding
    let blocks: [EncoderBlock]
    private let norm: LayerNorm
    private let featureNorm: RMSNorm
    /// width → decoder width.
    private let projection: Linear

    init(_ weights: Weights, _ configuration: Gemma3Configuration) throws {
        let (tower, vision) = (weights.scoped("vision_tower"), configuration.vision)
        self.configuration = configuration
        patchEmbedding = try PatchEmbedding(
            tower.scoped("embeddings"), width: vision.width, patchSize: configuration.patchSize,
            grid: configuration.grid)
        blocks = try (0..<vision.layers).map {
            try EncoderBlock(tower.scoped("encoder.layers.\($0)"), vision, names: .sigLIP)
        }
        norm = try LayerNorm(tower.scoped("post_layernorm"), width: vision.width, epsilon: vision.epsilon)
        let projector = weights.scoped("multi_modal_projector")
        featureNorm = try RMSNorm(
            projector.scoped("mm_soft_emb_norm"), width: vision.width, epsilon: vision.epsilon, offset: 1)
        // Stored as [inputs, outputs], unlike all others.
        projection = Linear(
            weight: try projector.derived(
                "mm_input_projection_weight", shape: [vision.width, configuration.text.width]
            ) { $0.transposed() })
    }

    var frameRows: Int { configuration.grid * configuration.grid }

    /// Patches and positions, [frames × grid², width].
    func embed(_ image: ProcessedImage, frames: Range<Int>, on backend: any Backend) throws -> Tensor {
        precondition(image.height == configuration.imageSize && image.width == configuration.imageSize)
        return try patchEmbedding(
            backend.upload(image.planes(of: frames, side: configuration.imageSize)), on: backend)
    }

    /// The tower's last hidden states, [frames × grid², width], of what came out of the last block.
    func states(_ hidden: Tensor, on backend: any Backend) throws -> Tensor { try norm(hidden, on: backend) }

    /// Last hidden states as features, [frames × tokensPerImage, decoder width].
    func features(of states: Tensor, on backend: any Backend) throws -> Tensor {
        try projection(featureNorm.input(pooled(states, on: backend)), on: backend)
    }

    /// Means of squares of patches, [frames × tokensPerImage, width].
    private func pooled(_ states: Tensor, on backend: any Backend) throws -> Tensor {
        let (grid, pool, side) = (configuration.grid, configuration.poolSide, configuration.side)
        /// Of each square the patch in one of its places.
        func patches(_ place: Int) throws -> Tensor {
            let (down, across) = (place / pool, place % pool)
            let rows = (0..<states.rows / (pool * pool)).map { token in
                // All rows of squares of all frames follow one another.
                Int32((token / side * pool + down) * grid + token % side * pool + across)
            }
            return try backend.gather(rows, of: states)
        }
        let sum = try patches(0)
        for place in (0..<pool * pool).dropFirst() { try backend.addRows(of: patches(place), to: sum) }
        try backend.scale(sum, by: 1 / Float(pool * pool))
        return sum
    }
}
