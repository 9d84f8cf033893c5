import Compute

/// The eye: a SigLIP tower (Zhai et al. 2023, arXiv:2303.15343), then pixel shuffle and one projection into the
/// decoder's width.
struct SmolVLMVision: Sendable {
    private let configuration: SmolVLMConfiguration
    /// channels × patchSize² → width.
    private let patchEmbedding: PatchEmbedding
    private let blocks: [EncoderBlock]
    private let norm: LayerNorm
    /// width × scaleFactor² → decoder width.
    private let projection: Linear

    /// Patches that go through the tower at once: enough for full-speed products, few enough that the widest
    /// intermediate (4,304 columns in the feed-forward of the 2.2 B models) stays near 70 MB.
    private static let rowsAtOnce = 4096

    init(_ weights: Weights, _ configuration: SmolVLMConfiguration) throws {
        let tower = weights.scoped("vision_model")
        let (vision, scale) = (configuration.vision, configuration.scaleFactor)
        self.configuration = configuration
        patchEmbedding = try PatchEmbedding(tower.scoped("embeddings"), configuration)
        blocks = try (0..<vision.layers).map { try EncoderBlock(tower.scoped("encoder.layers.\($0)"), vision) }
        norm = try LayerNorm(tower.scoped("post_layernorm"), width: vision.width, epsilon: vision.epsilon)
        projection = try Linear(
            weights.scoped("connector.modality_projection.proj"), inputs: vision.width * scale * scale,
            outputs: configuration.text.width, bias: false)
    }

    /// Features of all frames of an image, [frames × tokensPerFrame, decoder width].
    func encode(_ image: ProcessedImage, on backend: any Backend) throws -> Tensor {
        precondition(image.height == configuration.imageSize && image.width == configuration.imageSize)
        let framesAtOnce = max(1, Self.rowsAtOnce / (configuration.grid * configuration.grid))
        guard image.frameCount > framesAtOnce else {
            return try features(image, frames: 0..<image.frameCount, on: backend)
        }
        let all = try backend.makeTensor([image.tokenCount, configuration.text.width], .f32)
        for first in stride(from: 0, to: image.frameCount, by: framesAtOnce) {
            let frames = first..<min(first + framesAtOnce, image.frameCount)
            let rows =
                frames.lowerBound * configuration.tokensPerFrame..<frames.upperBound * configuration.tokensPerFrame
            try backend.scatter(features(image, frames: frames, on: backend), into: all, at: rows.map(Int32.init))
        }
        return all
    }

    private func features(_ image: ProcessedImage, frames: Range<Int>, on backend: any Backend) throws -> Tensor {
        let hidden = try tower(image, frames: frames, on: backend)  // [frames × grid², width]
        let folded = try backend.pixelShuffle(
            hidden, grid: configuration.grid, factor: configuration.scaleFactor)  // [frames × tokens, width × scale²]
        return try projection(folded, on: backend)
    }

    /// The tower's last hidden states, [frames × grid², width].
    func tower(_ image: ProcessedImage, frames: Range<Int>, on backend: any Backend) throws -> Tensor {
        let pixels = seenPixels(of: image, frames: frames)
        let hidden = try patchEmbedding(backend.upload(pixels), on: backend)
        let segments = Array(repeating: configuration.grid * configuration.grid, count: frames.count)
        for block in blocks { try block(hidden, segments: segments, on: backend) }
        return try norm(hidden, on: backend)
    }

    /// The part of each frame that whole patches cover, [frames, 3, side, side]: a tower of 384 pixels with patches of
    /// 14 sees 378 of them.
    private func seenPixels(of image: ProcessedImage, frames: Range<Int>) -> Tensor {
        let side = configuration.grid * configuration.patchSize
        let frameSize = 3 * image.height * image.width
        let planes = image.pixels[frames.lowerBound * frameSize..<frames.upperBound * frameSize]
        let shape = [frames.count, 3, side, side]
        guard side < image.width else { return .host(planes, shape: shape) }
        let lines = (0..<frames.count * 3 * side).lazy.flatMap { line in
            let start = planes.startIndex + (line / side * image.height + line % side) * image.width
            return planes[start..<start + side]
        }
        return .host(Array(lines), shape: shape)
    }
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
