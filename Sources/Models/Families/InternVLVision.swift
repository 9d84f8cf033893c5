import Compute

/// The eye: InternViT (Chen et al. 2023, arXiv:2312.14238), whose patches are folded and projected into the decoder's
/// width. One class token stands before the patches, with a position of its own; there is no norm at the end.
struct InternVLVision: VisionTower {
    private let configuration: InternVLConfiguration
    /// [width, 3 × patchSize²] and [width].
    private let patchWeight: Tensor
    private let patchBias: Tensor
    private let prefix: FramePrefix
    /// [1 + grid², width].
    private let positions: Tensor
    let blocks: [EncoderBlock]
    private let projection: ShuffledProjection

    init(_ weights: Weights, _ configuration: InternVLConfiguration) throws {
        let tower = weights.scoped("vision_tower")
        let (embeddings, patches) = (tower.scoped("embeddings"), configuration.grid * configuration.grid)
        let (width, size) = (configuration.vision.width, configuration.patchSize)
        self.configuration = configuration
        patchWeight = try embeddings.kernel("patch_embeddings.projection.weight", shape: [width, 3, size, size])
        patchBias = try embeddings.vectors(["patch_embeddings.projection.bias"], shapes: [[width]])
        prefix = FramePrefix(
            tokens: try embeddings.vectors(["cls_token"], shapes: [[1, 1, width]]), count: 1, patches: patches)
        positions = try embeddings.vectors(["position_embeddings"], shapes: [[1, 1 + patches, width]])
        blocks = try (0..<configuration.vision.layers).map {
            try EncoderBlock(tower.scoped("encoder.layer.\($0)"), configuration.vision, names: .internViT)
        }
        projection = try ShuffledProjection(
            weights.scoped("multi_modal_projector"), configuration.projection,
            names: ShuffledProjection.Names(norm: "layer_norm", first: "linear_1", second: "linear_2"))
    }

    var frameRows: Int { prefix.frameRows }

    /// Patches behind the class token, with positions, [tiles × frameRows, width].
    func embed(_ image: ProcessedImage, frames: Range<Int>, on backend: any Backend) throws -> Tensor {
        precondition(image.height == configuration.tile && image.width == configuration.tile)
        let pixels = try backend.upload(image.planes(of: frames, side: configuration.tile))
        let patches = try backend.patches(of: pixels, size: configuration.patchSize)
        let embedded = try backend.linear(patches, patchWeight, bias: patchBias, activation: .none)
        let hidden = try prefix.prepended(to: embedded, on: backend)
        try backend.addRows(of: positions, to: hidden)
        return hidden
    }

    /// The patches as the last block left them, [tiles × grid², width].
    func states(_ hidden: Tensor, on backend: any Backend) throws -> Tensor {
        try prefix.dropped(from: hidden, on: backend)
    }

    /// [tiles × grid², width] → [tiles × tokensPerTile, decoder width].
    func features(of states: Tensor, on backend: any Backend) throws -> Tensor { try projection(states, on: backend) }
}
