import Compute

/// The eye: a CLIP tower (Radford et al. 2021, arXiv:2103.00020) without its last blocks, and two linear layers into the
/// decoder's width. A class token stands before the patches, and a norm before the first block.
struct LlavaVision: VisionTower {
    private let configuration: LlavaConfiguration
    /// [width, 3 × patchSize²]; there is no bias.
    private let patchWeight: Tensor
    private let prefix: FramePrefix
    /// [1 + grid², width].
    private let positions: Tensor
    private let norm: LayerNorm
    let blocks: [EncoderBlock]
    /// width → decoder width, and on to the same.
    private let first: Linear
    private let second: Linear

    init(_ weights: Weights, _ configuration: LlavaConfiguration) throws {
        let tower = weights.scoped("vision_tower")
        let (embeddings, vision) = (tower.scoped("embeddings"), configuration.vision)
        let (width, size, patches) = (vision.width, configuration.patchSize, configuration.tokensPerImage)
        self.configuration = configuration
        patchWeight = try embeddings.kernel("patch_embedding.weight", shape: [width, 3, size, size])
        prefix = FramePrefix(
            tokens: try embeddings.derived("class_embedding", shape: [width]) { $0.reshaped([1, width]) }, count: 1,
            patches: patches)
        positions = try embeddings.vectors(["position_embedding.weight"], shapes: [[1 + patches, width]])
        // The misspelling is the checkpoints'.
        norm = try LayerNorm(tower.scoped("pre_layrnorm"), width: width, epsilon: vision.epsilon)
        blocks = try (0..<configuration.blocks).map {
            try EncoderBlock(tower.scoped("encoder.layers.\($0)"), vision, names: .sigLIP)
        }
        for layer in configuration.blocks..<vision.layers { tower.skip("encoder.layers.\(layer)") }
        tower.skip("post_layernorm")
        let (projector, text) = (weights.scoped("multi_modal_projector"), configuration.text.width)
        first = try Linear(
            projector.scoped("linear_1"), inputs: width, outputs: text, bias: configuration.hasProjectorBias)
        second = try Linear(
            projector.scoped("linear_2"), inputs: text, outputs: text, bias: configuration.hasProjectorBias)
    }

    var frameRows: Int { prefix.frameRows }

    /// Patches behind the class token, with positions, normalised, [frames × frameRows, width].
    func embed(_ image: ProcessedImage, frames: Range<Int>, on backend: any Backend) throws -> Tensor {
        precondition(image.height == configuration.imageSize && image.width == configuration.imageSize)
        let pixels = try backend.upload(image.planes(of: frames, side: configuration.imageSize))
        let patches = try backend.patches(of: pixels, size: configuration.patchSize)
        let embedded = try backend.linear(patches, patchWeight, bias: nil, activation: .none)
        let hidden = try prefix.prepended(to: embedded, on: backend)
        try backend.addRows(of: positions, to: hidden)
        return try norm(hidden, on: backend)
    }

    /// The patches as the last block that runs left them, [frames × grid², width].
    func states(_ hidden: Tensor, on backend: any Backend) throws -> Tensor {
        try prefix.dropped(from: hidden, on: backend)
    }

    /// [frames × grid², width] → [frames × grid², decoder width].
    func features(of states: Tensor, on backend: any Backend) throws -> Tensor {
        try second(first(states, activation: .gelu, on: backend), on: backend)
    }
}
