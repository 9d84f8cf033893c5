import Crypto

/// Pictures to frames as the family was trained on: Lanczos, tiles, overview last, normalised around zero.
struct SmolVLMImageProcessor: Sendable {
    private let longestEdge: Int
    /// Side of a frame in pixels.
    private let frame: Int
    private let filter: ResampleFilter
    private let splits: Bool
    private let levels: ColourLevels
    private let tokensPerFrame: Int

    /// Reads preprocessor settings; the frame must be what the tower was built for.
    init(_ settings: Settings, model: SmolVLMConfiguration) throws {
        for key in ["do_resize", "do_rescale", "do_normalize"] where try !settings.boolean(key, default: true) {
            throw settings.unsupported(key, supported: "true")
        }
        guard let size = try settings.section("size") else { throw settings.failure("size", expected: "an object") }
        let frameSettings = try settings.section("max_image_size")
        longestEdge = try size.integer("longest_edge", in: 1...SmolVLMTiling.longestSide)
        frame = try frameSettings?.integer("longest_edge", in: 1...4096) ?? model.imageSize
        guard frame == model.imageSize else {
            throw settings.failure("max_image_size", expected: "the tower's image_size \(model.imageSize)")
        }
        filter = try ResampleFilter(settings, default: .lanczos)
        splits = try settings.boolean("do_image_splitting", default: true)
        tokensPerFrame = model.tokensPerFrame
        levels = try ColourLevels(normalizing: settings)
    }

    /// The class defaults of transformers: four tiles along the longest edge.
    static func classDefaults(_ model: SmolVLMConfiguration, file: String) -> Settings {
        let half = JSONValue.number(0.5)
        return Settings(
            file: file,
            members: [
                "size": .object(["longest_edge": .integer(min(4 * model.imageSize, SmolVLMTiling.longestSide))]),
                "max_image_size": .object(["longest_edge": .integer(model.imageSize)]),
                "image_mean": half, "image_std": half,
            ])
    }

    /// How a picture would be cut, and so what it costs.
    func tiling(width: Int, height: Int, maxTiles: Int?) -> SmolVLMTiling {
        .fitting(
            SmolVLMTiling.Size(width: width, height: height), longestEdge: longestEdge, frame: frame, split: splits,
            maxTiles: maxTiles)
    }

    /// Squares are cut into most tiles.
    func mostPixelBytes(maxTiles: Int?) -> Int {
        let square = tiling(width: longestEdge, height: longestEdge, maxTiles: nil)
        let tiles = min(square.rows * square.columns, max(maxTiles ?? .max, 1))
        return (tiles > 1 ? tiles + 1 : 1) * 3 * frame * frame
    }

    func process(_ image: RGBImage, maxTiles: Int?) -> ProcessedImage {
        let tiling = tiling(width: image.width, height: image.height, maxTiles: maxTiles)
        let pixels = frames(of: image, tiling)
        // The normalisation belongs to the model, as the features do: the 8-bit steps identify the picture.
        var hasher = SHA256()
        hasher.update(data: Array("smolvlm \(tiling.rows)x\(tiling.columns) of \(frame)".utf8))
        hasher.update(data: pixels)
        return ProcessedImage(
            pixels: pixels, levels: levels, frameCount: tiling.frameCount, height: frame, width: frame,
            tileRows: tiling.rows, tileColumns: tiling.columns, tokenCount: tiling.frameCount * tokensPerFrame,
            hash: ContentHash(hasher.finalize()))
    }

    /// The frames' pixels, one frame after the other.
    private func frames(of image: RGBImage, _ tiling: SmolVLMTiling) -> [UInt8] {
        let fitted = image.resized(width: tiling.fitted.width, height: tiling.fitted.height, filter: filter)
        let stretched = fitted.resized(width: tiling.stretched.width, height: tiling.stretched.height, filter: filter)
        guard tiling.frameCount > 1 else { return stretched.pixels }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(tiling.frameCount * 3 * frame * frame)
        for row in 0..<tiling.rows {
            for column in 0..<tiling.columns {
                pixels += stretched.cropped(x: column * frame, y: row * frame, width: frame, height: frame).pixels
            }
        }
        // The overview comes from the stretched picture, not from the original.
        pixels += stretched.resized(width: frame, height: frame, filter: filter).pixels
        return pixels
    }
}
