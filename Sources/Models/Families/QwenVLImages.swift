import Crypto

/// Pictures as Qwen's towers see them: nearly their own size, in whole squares of pixels that become one token each.
struct QwenVLImages: Sendable {
    /// Longer side ÷ shorter side, beyond which the family's processor refuses a picture.
    static let mostAspect = 200
    /// Tokens that `maxTiles` allows for each tile: 448 × 448 pixels of Qwen2.5-VL, 512 × 512 of Qwen3-VL.
    static let tokensPerTile = 256

    /// Side of the square of pixels that becomes one token.
    let tokenSide: Int
    let fewestPixels: Int
    let mostPixels: Int
    private let filter: ResampleFilter
    private let levels: ColourLevels

    init(_ settings: Settings, model: QwenVLConfiguration) throws {
        for key in ["do_resize", "do_rescale", "do_normalize"] where try !settings.boolean(key, default: true) {
            throw settings.unsupported(key, supported: "true")
        }
        let vision = model.vision
        for (key, value) in [
            ("patch_size", vision.patchSize), ("merge_size", vision.merge), ("temporal_patch_size", vision.frames),
        ] where try settings.integer(key, in: 1...1024, default: value) != value {
            throw settings.failure(key, expected: "\(value), as in config.json")
        }
        // Both spellings count pixels, whatever the second is called.
        let size = try settings.section("size")
        func limit(_ key: String, _ edge: String, default fallback: Int) throws -> Int {
            let range = 1...1 << 28
            if settings.value(key) != nil { return try settings.integer(key, in: range) }
            return try size?.integer(edge, in: range, default: fallback) ?? fallback
        }
        tokenSide = model.tokenSide
        let square = tokenSide * tokenSide
        let fallbacks = model.generation == .qwen25 ? (4, 16_384) : (64, 16_384)
        fewestPixels = try limit("min_pixels", "shortest_edge", default: fallbacks.0 * square)
        mostPixels = try limit("max_pixels", "longest_edge", default: fallbacks.1 * square)
        guard fewestPixels <= mostPixels, mostPixels >= square else {
            throw settings.failure(
                "max_pixels", expected: "a limit (or size.longest_edge) of at least min_pixels and \(square) pixels")
        }
        filter = try ResampleFilter(settings, default: .bicubic)
        levels = try ColourLevels(normalizing: settings)
    }

    /// The published checkpoints' colours.
    static func standInSettings(_ generation: QwenVLConfiguration.Generation, file: String) -> Settings {
        let (means, deviations) =
            switch generation {
            case .qwen25: ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
            case .qwen3: ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
            }
        return Settings(
            file: file,
            members: [
                "image_mean": .array(means.map(JSONValue.number)),
                "image_std": .array(deviations.map(JSONValue.number)),
            ])
    }

    /// The size in which a picture is shown; the arithmetic is that of `smart_resize` in transformers 5.24, rounding halves to
    /// even.
    func size(width: Int, height: Int, maxTiles: Int?) throws -> (width: Int, height: Int) {
        let (long, short) = (max(width, height), min(width, height))
        // `long > mostAspect * short` without a product that could overflow.
        guard short > 0, (long - 1) / short < Self.mostAspect else {
            throw ModelError.imageTooNarrow(width: width, height: height, limit: Self.mostAspect)
        }
        let (side, most) = (Double(tokenSide), Double(pixelLimit(maxTiles)))
        let (width, height) = (Double(width), Double(height))
        var size = (
            width: (width / side).rounded(.toNearestOrEven) * side,
            height: (height / side).rounded(.toNearestOrEven) * side
        )
        if size.width * size.height > most {
            let scale = (height * width / most).squareRoot()
            size.width = max(side, (width / scale / side).rounded(.down) * side)
            size.height = max(side, (height / scale / side).rounded(.down) * side)
        } else if size.width * size.height < Double(fewestPixels) {
            let scale = (Double(fewestPixels) / (height * width)).squareRoot()
            size.width = (width * scale / side).rounded(.up) * side
            size.height = (height * scale / side).rounded(.up) * side
        }
        return (Int(size.width), Int(size.height))
    }

    func process(_ image: RGBImage, maxTiles: Int?) throws -> ProcessedImage {
        let (width, height) = try size(width: image.width, height: image.height, maxTiles: maxTiles)
        let pixels = image.resized(width: width, height: height, filter: filter).pixels
        // Normalisation belongs to the model, as features do: the 8-bit steps and the grid identify the picture.
        var hasher = SHA256()
        hasher.update(data: Array("qwen \(width)x\(height) by \(tokenSide)".utf8))
        hasher.update(data: pixels)
        return ProcessedImage(
            pixels: pixels, levels: levels, frameCount: 1, height: height, width: width, tileRows: 0, tileColumns: 0,
            tokenCount: width / tokenSide * (height / tokenSide), hash: ContentHash(hasher.finalize()))
    }

    /// The limit itself, or what a strip of one token's width, or a small picture rounded up on both sides, has beyond it.
    func mostPixelBytes(maxTiles: Int?) -> Int {
        let (side, most, fewest) = (Double(tokenSide), Double(pixelLimit(maxTiles)), Double(fewestPixels))
        let aspect = Double(Self.mostAspect).squareRoot()
        let strip = side * (most.squareRoot() * aspect + side)
        let enlarged = fewest + side * fewest.squareRoot() * (aspect + 1 / aspect) + side * side
        return 3 * Int(max(most, strip, enlarged).rounded(.up))
    }

    private func pixelLimit(_ maxTiles: Int?) -> Int {
        guard let maxTiles else { return mostPixels }
        let tiles = max(maxTiles, 1)
        let tile = Self.tokensPerTile * tokenSide * tokenSide
        return max(fewestPixels, tiles > mostPixels / tile ? mostPixels : tiles * tile)
    }
}
