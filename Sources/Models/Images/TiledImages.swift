import Crypto

/// Pictures to tiles: the grid that suits the picture best, its tiles row by row, and the whole picture as a last tile.
struct TiledImages: FrameMaker {
    /// Side of a tile in pixels.
    let tile: Int
    let tokensPerTile: Int
    let mostTiles: Int
    /// Whether a picture of more than one tile is shown whole too, last.
    let hasThumbnail: Bool
    let filter: ResampleFilter
    let rule: TileGrid.Rule
    /// Whether the picture is doubled first (bilinear), so that small ones get more tiles.
    let isDoubled: Bool
    let levels: ColourLevels

    /// The grid of a picture of this size, at most `maxTiles` tiles; the whole picture is not counted.
    func grid(width: Int, height: Int, maxTiles: Int?) -> TileGrid {
        let scale = isDoubled ? 2 : 1
        return .best(
            width: scale * width, height: scale * height, tile: tile,
            most: min(mostTiles, max(maxTiles ?? mostTiles, 1)), rule: rule)
    }

    func mostPixelBytes(maxTiles: Int?) -> Int {
        let most = min(mostTiles, max(maxTiles ?? mostTiles, 1))
        return (most > 1 && hasThumbnail ? most + 1 : most) * tileBytes
    }

    func tokenCount(width: Int, height: Int, maxTiles: Int?) -> Int {
        tokenCount(grid(width: width, height: height, maxTiles: maxTiles))
    }

    private func tokenCount(_ grid: TileGrid) -> Int { tileCount(grid) * tokensPerTile }

    func process(_ image: RGBImage, maxTiles: Int?) -> ProcessedImage {
        let grid = grid(width: image.width, height: image.height, maxTiles: maxTiles)
        let pixels = pixels(of: image, grid)
        // Normalisation belongs to the model, as features do: the 8-bit steps identify the picture.
        var hasher = SHA256()
        hasher.update(data: Array("tiles \(grid.rows)x\(grid.columns) of \(tile)".utf8))
        hasher.update(data: pixels)
        let isWhole = grid.count == 1
        return ProcessedImage(
            pixels: pixels, levels: levels, frameCount: tileCount(grid), height: tile, width: tile,
            tileRows: isWhole ? 0 : grid.rows, tileColumns: isWhole ? 0 : grid.columns,
            tokenCount: tokenCount(grid), hash: ContentHash(hasher.finalize()))
    }

    private var tileBytes: Int { 3 * tile * tile }

    private func tileCount(_ grid: TileGrid) -> Int { grid.count + (grid.count > 1 && hasThumbnail ? 1 : 0) }

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
}
