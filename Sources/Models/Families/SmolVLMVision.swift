import Compute

/// The eye: a SigLIP tower (Zhai et al. 2023, arXiv:2303.15343), then pixel shuffle and one projection into the
/// decoder's width.
struct SmolVLMVision: VisionTower {
    private let configuration: SmolVLMConfiguration
    /// channels × patchSize² → width.
    private let patchEmbedding: PatchEmbedding
    let blocks: [EncoderBlock]
    private let norm: LayerNorm
    /// width × scaleFactor² → decoder width.
    private let projection: Linear

    init(_ weights: Weights, _ configuration: SmolVLMConfiguration) throws {
        let weights = weights.scoped("model")
        let tower = weights.scoped("vision_model")
        let (vision, scale) = (configuration.vision, configuration.scaleFactor)
        self.configuration = configuration
        // The largest first, as in the decoder.
        projection = try Linear(
            weights.scoped("connector.modality_projection.proj"), inputs: vision.width * scale * scale,
            outputs: configuration.text.width, bias: false)
        patchEmbedding = try PatchEmbedding(
            tower.scoped("embeddings"), width: vision.width, patchSize: configuration.patchSize,
            grid: configuration.grid)
        blocks = try (0..<vision.layers).map {
            try EncoderBlock(tower.scoped("encoder.layers.\($0)"), vision, names: .sigLIP)
        }
        norm = try LayerNorm(tower.scoped("post_layernorm"), width: vision.width, epsilon: vision.epsilon)
    }

    // MARK: The way of some frames, in slices

    var frameRows: Int { configuration.grid * configuration.grid }

    /// Patches and positions, [frames × grid², width].
    func embed(_ image: ProcessedImage, frames: Range<Int>, on backend: any Backend) throws -> Tensor {
        precondition(image.height == configuration.imageSize && image.width == configuration.imageSize)
        return try patchEmbedding(backend.upload(image.planes(of: frames, side: seenSide)), on: backend)
    }

    /// The tower's last hidden states, [frames × grid², width], of what came out of the last block.
    func states(_ hidden: Tensor, on backend: any Backend) throws -> Tensor { try norm(hidden, on: backend) }

    /// Last hidden states as features, [frames × tokensPerFrame, decoder width].
    func features(of states: Tensor, on backend: any Backend) throws -> Tensor {
        let folded = try backend.pixelShuffle(
            states, grid: configuration.grid, factor: configuration.scaleFactor)  // [frames × tokens, width × scale²]
        return try projection(folded, on: backend)
    }

    /// The side of the part of a frame that whole patches cover: a tower of 384 pixels with patches of 14 sees 378 of them.
    private var seenSide: Int { configuration.grid * configuration.patchSize }
}
