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
        patchEmbedding = try PatchEmbedding(tower.scoped("embeddings"), configuration)
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

/// Patches as rows: one product over the pixels of each, plus a learned position.
///
/// Positions of a full square frame are simply 0 ..< grid² in raster order. transformers computes them from fractional
/// coordinates, and its releases 4.56 and 4.57 get that wrong in f32 (every index from 1 on is shifted).
private struct PatchEmbedding: Sendable {
    /// [width, 3 × patchSize²] and [width].
    private let weight: Tensor
    private let bias: Tensor
    /// [grid², width].
    private let positions: Tensor
    private let patchSize: Int

    init(_ weights: Weights, _ configuration: SmolVLMConfiguration) throws {
        let (width, size) = (configuration.vision.width, configuration.patchSize)
        weight = try weights.kernel("patch_embedding.weight", shape: [width, 3, size, size])
        bias = try weights.vectors(["patch_embedding.bias"], shapes: [[width]])
        positions = try weights.vectors(
            ["position_embedding.weight"], shapes: [[configuration.grid * configuration.grid, width]])
        patchSize = size
    }

    /// [frames, 3, height, width] → [frames × grid², width].
    func callAsFunction(_ frames: Tensor, on backend: any Backend) throws -> Tensor {
        let patches = try backend.patches(of: frames, size: patchSize)  // [frames × grid², 3 × patchSize²]
        let hidden = try backend.linear(patches, weight, bias: bias, activation: .none)
        try backend.addRows(of: positions, to: hidden)
        return hidden
    }
}
