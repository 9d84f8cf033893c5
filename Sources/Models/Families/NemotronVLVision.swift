import Compute

/// The eye: C-RADIOv2 (Heinrich et al. 2024, arXiv:2412.07679), whose patches are folded and projected into the decoder's
/// width.
///
/// The tower normalises pixels itself, has tokens of its own in front of the patches (one for each teacher, and registers,
/// without positions), and no norm at its end.
struct NemotronVLVision: VisionTower {
    private let configuration: NemotronVLConfiguration
    /// Mean and deviation of each colour.
    private let means: [Float]
    private let deviations: [Float]
    /// [width, 3 × patchSize²]; no bias.
    private let patchWeight: Tensor
    /// [grid², width].
    private let positions: Tensor
    private let prefix: FramePrefix
    let blocks: [EncoderBlock]
    private let projection: ShuffledProjection

    init(_ weights: Weights, _ configuration: NemotronVLConfiguration) throws {
        let radio = weights.scoped("vision_model.radio_model")
        let (conditioner, patches) = (radio.scoped("input_conditioner"), radio.scoped("model.patch_generator"))
        let (width, pixels) = (configuration.vision.width, 3 * configuration.patchSize * configuration.patchSize)
        self.configuration = configuration
        means = try conditioner.values("norm_mean", shape: [3, 1, 1])
        deviations = try conditioner.values("norm_std", shape: [3, 1, 1])
        patchWeight = try patches.kernel("embedder.weight", shape: [width, pixels])
        // How many tokens and positions there are is for the checkpoint to say: training arguments leave room for doubt.
        let tokens = patches.storedShape(of: "cls_token.token")?.first ?? configuration.prefixTokens
        prefix = FramePrefix(
            tokens: try patches.vectors(["cls_token.token"], shapes: [[tokens, width]]), count: tokens,
            patches: configuration.grid * configuration.grid)
        positions = try Self.positions(patches, configuration)
        blocks = try (0..<configuration.vision.layers).map {
            try EncoderBlock(radio.scoped("model.blocks.\($0)"), configuration.vision, names: .timm)
        }
        projection = try ShuffledProjection(
            weights.scoped("mlp1"), configuration.projection,
            names: ShuffledProjection.Names(norm: "0", first: "1", second: "3"))
    }

    // MARK: The way of some tiles, in slices

    var frameRows: Int { prefix.frameRows }

    /// Patches with positions, each tile's behind the tokens that stand before them, [tiles × frameRows, width].
    func embed(_ image: ProcessedImage, frames: Range<Int>, on backend: any Backend) throws -> Tensor {
        precondition(image.height == configuration.tile && image.width == configuration.tile)
        let pixels = try backend.upload(conditionedPixels(of: image, frames: frames))
        let patches = try backend.patches(of: pixels, size: configuration.patchSize)
        let embedded = try backend.linear(patches, patchWeight, bias: nil, activation: .none)  // [tiles × grid², width]
        try backend.addRows(of: positions, to: embedded)
        return try prefix.prepended(to: embedded, on: backend)
    }

    /// The patches as the last block left them, [tiles × grid², width].
    func states(_ hidden: Tensor, on backend: any Backend) throws -> Tensor {
        try prefix.dropped(from: hidden, on: backend)
    }

    /// [tiles × grid², width] → [tiles × tokensPerTile, decoder width].
    func features(of states: Tensor, on backend: any Backend) throws -> Tensor { try projection(states, on: backend) }

    /// `(x − mean) / deviation` for each colour in f32, [tiles, 3, side, side].
    private func conditionedPixels(of image: ProcessedImage, frames: Range<Int>) -> Tensor {
        let area = image.height * image.width
        let planes = image.planes(of: frames, side: image.height)
        let values = planes.bytes.bindMemory(to: Float.self)
        for plane in 0..<frames.count * 3 {
            let (mean, deviation) = (means[plane % 3], deviations[plane % 3])
            var pixel = plane * area
            let end = pixel + area
            while pixel < end {
                values[pixel] = (values[pixel] - mean) / deviation
                pixel += 1
            }
        }
        return planes
    }

    // MARK: Positions

    /// The stored table, made for the largest picture, resampled to the grid of a tile.
    private static func positions(_ weights: Weights, _ configuration: NemotronVLConfiguration) throws -> Tensor {
        let (name, width) = ("pos_embed", configuration.vision.width)
        let cells = weights.storedShape(of: name)?.dropFirst().first ?? 0
        let found = Int(Double(cells).squareRoot().rounded())
        let side = found > 0 && found * found == cells ? found : configuration.positionSide
        return try weights.derived(name, shape: [1, side * side, width]) { table in
            resampled(table, side: side, to: configuration.grid, alignsCorners: configuration.alignsCorners)
        }
    }

    /// Bilinear, without smoothing first: [1, side², width] → [grid², width].
    static func resampled(_ table: Tensor, side: Int, to grid: Int, alignsCorners: Bool) -> Tensor {
        let width = table.width
        let samples = (0..<grid).map { sample($0, of: grid, side: side, alignsCorners: alignsCorners) }
        let result = Tensor.host(shape: [grid * grid, width], type: .f32)
        let (source, target) = (table.bytes.bindMemory(to: Float.self), result.bytes.bindMemory(to: Float.self))
        for (y, row) in samples.enumerated() {
            for (x, column) in samples.enumerated() {
                for channel in 0..<width {
                    func at(_ y: Int, _ x: Int) -> Float { source[(y * side + x) * width + channel] }
                    let upper = mix(at(row.lower, column.lower), at(row.lower, column.upper), column.share)
                    let lower = mix(at(row.upper, column.lower), at(row.upper, column.upper), column.share)
                    target[(y * grid + x) * width + channel] = mix(upper, lower, row.share)
                }
            }
        }
        return result
    }

    private static func mix(_ first: Float, _ second: Float, _ share: Float) -> Float {
        (1 - share) * first + share * second
    }

    /// Between which stored cells cell `index` of `grid` lies, and the share of the second.
    private static func sample(
        _ index: Int, of grid: Int, side: Int, alignsCorners: Bool
    ) -> (lower: Int, upper: Int, share: Float) {
        let position: Float
        if alignsCorners {
            position = grid > 1 ? Float(index) * (Float(side - 1) / Float(grid - 1)) : 0
        } else {
            position = max((Float(index) + 0.5) * (Float(side) / Float(grid)) - 0.5, 0)
        }
        let lower = min(Int(position), side - 1)
        return (lower, min(lower + 1, side - 1), min(position - Float(lower), 1))
    }
}
