import Compute

/// The way from a tower's patches to a decoder's width: neighbouring patches folded into one row (pixel shuffle), a norm
/// and two linear layers with a GELU between them (Chen et al. 2024, arXiv:2404.16821).
struct ShuffledProjection: Sendable {
    /// What a checkpoint calls the layers.
    struct Names: Sendable {
        let norm: String
        let first: String
        let second: String
    }

    struct Sizes: Sendable, Equatable {
        /// Patches along a side of a frame.
        var grid: Int
        /// Neighbouring patches folded into one row, along each axis.
        var factor: Int
        /// Of a patch.
        var width: Int
        var middleWidth: Int
        var outputWidth: Int
        /// The older order of the folded rows, down each column of the grid instead of along its rows. It comes from
        /// swapped axes in the first published shuffle, with which some models were trained.
        var isTransposed: Bool

        var foldedWidth: Int { width * factor * factor }
        /// Folded rows along a side.
        var side: Int { grid / factor }
    }

    private let sizes: Sizes
    private let norm: LayerNorm
    private let first: Linear
    private let second: Linear

    /// The norm's epsilon is torch's default, which no configuration states.
    init(_ weights: Weights, _ sizes: Sizes, names: Names) throws {
        self.sizes = sizes
        norm = try LayerNorm(weights.scoped(names.norm), width: sizes.foldedWidth, epsilon: 1e-5)
        first = try Linear(
            weights.scoped(names.first), inputs: sizes.foldedWidth, outputs: sizes.middleWidth, bias: true)
        second = try Linear(
            weights.scoped(names.second), inputs: sizes.middleWidth, outputs: sizes.outputWidth, bias: true)
    }

    /// [frames × grid², width] → [frames × side², outputWidth].
    func callAsFunction(_ states: Tensor, on backend: any Backend) throws -> Tensor {
        var folded = try backend.pixelShuffle(states, grid: sizes.grid, factor: sizes.factor)
        if sizes.isTransposed { folded = try backend.gather(transposed(folded.rows), of: folded) }
        let inner = try first(norm(folded, on: backend), activation: .gelu, on: backend)
        return try second(inner, on: backend)
    }

    /// The rows of each frame's grid, column by column.
    private func transposed(_ rows: Int) -> [Int32] {
        let (side, cells) = (sizes.side, sizes.side * sizes.side)
        return (0..<rows).map { row in
            Int32(row - row % cells + row % side * side + row % cells / side)
        }
    }
}

extension ShuffledProjection {
    /// `downsample_ratio`: 1 over the number of patches that become one along each axis.
    static func factor(_ settings: Settings, grid: Int) throws -> Int {
        let ratio = try settings.number("downsample_ratio", in: 1.0 / 64...1, default: 0.5)
        let factor = Int((1 / ratio).rounded())
        guard 1 / Double(factor) == ratio, grid.isMultiple(of: factor) else {
            throw settings.failure("downsample_ratio", expected: "1 over a divisor of the \(grid) patches of a side")
        }
        return factor
    }
}
