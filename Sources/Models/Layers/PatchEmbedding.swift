import Compute

/// SigLIP's patches as rows: one product over the pixels of each, plus a learned position.
///
/// Positions of a full square frame are simply 0 ..< grid² in raster order. transformers computes them from fractional
/// coordinates, and its releases 4.56 and 4.57 get that wrong in f32 (every index from 1 on is shifted).
struct PatchEmbedding: Sendable {
    /// [width, 3 × patchSize²] and [width].
    private let weight: Tensor
    private let bias: Tensor
    /// [grid², width].
    private let positions: Tensor
    private let patchSize: Int

    init(_ weights: Weights, width: Int, patchSize: Int, grid: Int) throws {
        weight = try weights.kernel("patch_embedding.weight", shape: [width, 3, patchSize, patchSize])
        bias = try weights.vectors(["patch_embedding.bias"], shapes: [[width]])
        positions = try weights.vectors(["position_embedding.weight"], shapes: [[grid * grid, width]])
        self.patchSize = patchSize
    }

    /// [frames, 3, height, width] → [frames × grid², width].
    func callAsFunction(_ frames: Tensor, on backend: any Backend) throws -> Tensor {
        let patches = try backend.patches(of: frames, size: patchSize)  // [frames × grid², 3 × patchSize²]
        let hidden = try backend.linear(patches, weight, bias: bias, activation: .none)
        try backend.addRows(of: positions, to: hidden)
        return hidden
    }
}
