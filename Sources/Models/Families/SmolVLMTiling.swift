/// How a picture of some size becomes square frames: sizes only, no pixels.
///
/// The arithmetic, down to truncating a floating-point quotient, is that of `Idefics3ImageProcessorPil` in
/// transformers 5.23: a different rounding is a different tile grid.
struct SmolVLMTiling: Sendable, Equatable {
    struct Size: Sendable, Equatable {
        var width: Int
        var height: Int
    }

    /// No side is ever scaled beyond this.
    static let longestSide = 4096

    /// What the picture is scaled to first, up or down, keeping its proportions.
    let fitted: Size
    /// What that is stretched to next: whole tiles, or one frame.
    let stretched: Size
    /// Tiles of the grid; 0 × 0 when the picture stays whole.
    let rows: Int
    let columns: Int

    /// Tiles and the overview that follows them, or the one frame.
    var frameCount: Int { rows * columns + 1 }

    /// The frames of a picture scaled so that its longest edge is `longestEdge`; without `split`, one frame.
    init(of picture: Size, longestEdge: Int, frame: Int, split: Bool) {
        fitted = Self.bounded(Self.fitted(picture, longestEdge: longestEdge))
        let tiled = split ? Self.tiled(fitted, frame: frame) : Size(width: frame, height: frame)
        stretched = tiled
        let isWhole = tiled.width <= frame && tiled.height <= frame
        rows = isWhole ? 0 : tiled.height / frame
        columns = isWhole ? 0 : tiled.width / frame
    }

    /// As `init`, with at most `maxTiles` tiles in the grid (the overview is not counted).
    ///
    /// The longest edge shrinks by whole frames until the grid is small enough: fewer tiles see the same picture with
    /// less detail. A limit of 1 keeps the picture whole.
    static func fitting(
        _ picture: Size, longestEdge: Int, frame: Int, split: Bool, maxTiles: Int?
    ) -> SmolVLMTiling {
        let whole = SmolVLMTiling(of: picture, longestEdge: longestEdge, frame: frame, split: false)
        guard split, maxTiles != 1 else { return whole }
        let full = SmolVLMTiling(of: picture, longestEdge: longestEdge, frame: frame, split: true)
        guard let maxTiles, full.rows * full.columns > maxTiles else { return full }
        for tilesAlong in stride(from: longestEdge / frame, through: 2, by: -1) {
            let smaller = SmolVLMTiling(of: picture, longestEdge: tilesAlong * frame, frame: frame, split: true)
            if smaller.rows * smaller.columns <= maxTiles { return smaller }
        }
        return whole
    }

    private static func fitted(_ picture: Size, longestEdge: Int) -> Size {
        let aspect = Double(picture.width) / Double(picture.height)
        var size = picture
        if picture.width >= picture.height {
            size.width = longestEdge
            size.height = Int(Double(longestEdge) / aspect)
            size.height += size.height % 2
        } else {
            size.height = longestEdge
            size.width = Int(Double(longestEdge) * aspect)
            size.width += size.width % 2
        }
        return Size(width: max(size.width, 1), height: max(size.height, 1))
    }

    private static func bounded(_ picture: Size) -> Size {
        let aspect = Double(picture.width) / Double(picture.height)
        var size = picture
        if picture.width >= picture.height, picture.width > longestSide {
            size = Size(width: longestSide, height: Int(Double(longestSide) / aspect))
        } else if picture.height > picture.width, picture.height > longestSide {
            size = Size(width: Int(Double(longestSide) * aspect), height: longestSide)
        }
        return Size(width: max(size.width, 1), height: max(size.height, 1))
    }

    private static func tiled(_ picture: Size, frame: Int) -> Size {
        let aspect = Double(picture.width) / Double(picture.height)
        var size = picture
        if picture.width >= picture.height {
            size.width = wholeFrames(picture.width, frame)
            size.height = wholeFrames(Int(Double(size.width) / aspect), frame)
        } else {
            size.height = wholeFrames(picture.height, frame)
            size.width = wholeFrames(Int(Double(size.height) * aspect), frame)
        }
        return size
    }

    private static func wholeFrames(_ length: Int, _ frame: Int) -> Int { (length + frame - 1) / frame * frame }
}
