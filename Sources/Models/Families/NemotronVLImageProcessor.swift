import Crypto

/// Pictures to tiles: the grid that suits the picture best, its tiles row by row, and the whole picture as a last tile.
/// Values are 0 to 1; the tower normalises.
///
/// Published settings (preprocessor_config.json) say how large tiles are, how many there may be, and whether the whole
/// picture follows. The code bases that read them differ in three more points, which are settings of ours, with those of
/// the training code and of vLLM as defaults, because features are worth most where they were trained.
struct NemotronVLImageProcessor: Sendable {
    private let tile: Int
    private let tokensPerTile: Int
    private let mostTiles: Int
    /// Whether a picture of more than one tile is shown whole too, last.
    private let hasThumbnail: Bool
    /// `resample`, a number of Pillow's: 3 (bicubic) by default, as in training; the hub's code takes 2 (bilinear).
    private let filter: ResampleFilter
    /// `tile_selection`: "area_weighted" by default; "closest_ratio" is that of the second generation.
    private let rule: TileGrid.Rule
    /// `upscale_twice`: whether the picture is doubled first (bilinear), so that small ones get more tiles. False by default:
    /// one copy of the hub's code does it, training and vLLM do not, and it costs up to five times the tokens.
    private let isDoubled: Bool

    init(_ settings: Settings, model: NemotronVLConfiguration) throws {
        guard try settings.boolean("do_rescale", default: true) else {
            throw settings.unsupported("do_rescale", supported: "true")
        }
        for key in ["image_mean", "image_std", "norm_mean", "norm_std"] where settings.value(key) != nil {
            throw settings.unsupported(key, supported: "null: the tower normalises")
        }
        guard try settings.integer("image_size", in: 1...4096, default: model.tile) == model.tile else {
            throw settings.failure("image_size", expected: "force_image_size \(model.tile), which config.json states")
        }
        guard let filter = ResampleFilter(rawValue: try settings.integer("resample", in: 0...5, default: 3)) else {
            throw settings.unsupported("resample", supported: "1 (Lanczos), 2 (bilinear), 3 (bicubic)")
        }
        let rules = TileGrid.Rule.allCases.map(\.rawValue)
        guard let rule = TileGrid.Rule(rawValue: try settings.string("tile_selection", default: rules[0])) else {
            throw settings.unsupported("tile_selection", supported: rules.joined(separator: ", "))
        }
        self.filter = filter
        self.rule = rule
        tile = model.tile
        tokensPerTile = model.tokensPerTile
        mostTiles = try settings.integer("max_num_tiles", in: 1...64, default: 12)
        hasThumbnail = try settings.boolean("use_thumbnail", default: true)
        isDoubled = try settings.boolean("upscale_twice", default: false)
    }

    /// The grid of a picture of this size; one more tile follows where there is more than one.
    func grid(width: Int, height: Int, maxTiles: Int?) -> TileGrid {
        let scale = isDoubled ? 2 : 1
        return .best(
            width: scale * width, height: scale * height, tile: tile,
            most: min(mostTiles, max(maxTiles ?? mostTiles, 1)),
            rule: rule)
    }

    func tileCount(_ grid: TileGrid) -> Int { grid.count + (grid.count > 1 && hasThumbnail ? 1 : 0) }

    func tokenCount(_ grid: TileGrid) -> Int { tileCount(grid) * tokensPerTile }

    func mostPixelBytes(maxTiles: Int?) -> Int {
        let most = min(mostTiles, max(maxTiles ?? mostTiles, 1))
        return (most > 1 && hasThumbnail ? most + 1 : most) * tileBytes
    }

    func process(_ image: RGBImage, maxTiles: Int?) -> ProcessedImage {
        let grid = grid(width: image.width, height: image.height, maxTiles: maxTiles)
        let pixels = pixels(of: image, grid)
        var hasher = SHA256()
        hasher.update(data: Array("nemotron \(grid.rows)x\(grid.columns) of \(tile)".utf8))
        hasher.update(data: pixels)
        let isWhole = grid.count == 1
        return ProcessedImage(
            pixels: pixels, levels: Self.levels, frameCount: tileCount(grid), height: tile, width: tile,
            tileRows: isWhole ? 0 : grid.rows, tileColumns: isWhole ? 0 : grid.columns,
            tokenCount: tokenCount(grid), hash: ContentHash(hasher.finalize()))
    }

    /// The tiles' pixels, one tile after the other.
    private func pixels(of image: RGBImage, _ grid: TileGrid) -> [UInt8] {
        let picture =
            isDoubled ? image.resized(width: 2 * image.width, height: 2 * image.height, filter: .bilinear) : image
        let stretched = picture.resized(width: grid.columns * tile, height: grid.rows * tile, filter: filter)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(tileCount(grid) * tileBytes)
        for row in 0..<grid.rows {
            for column in 0..<grid.columns {
                pixels += stretched.cropped(x: column * tile, y: row * tile, width: tile, height: tile).pixels
            }
        }
        if tileCount(grid) > grid.count {
            pixels += picture.resized(width: tile, height: tile, filter: filter).pixels
        }
        return pixels
    }

    private var tileBytes: Int { 3 * tile * tile }

    private static let levels = ColourLevels { _, step in Float(step) / 255 }
}
