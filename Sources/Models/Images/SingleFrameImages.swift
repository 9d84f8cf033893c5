import Crypto

/// Pictures to one square frame each, whatever their shape; there are no tiles to limit.
struct SingleFrameImages: FrameMaker {
    enum Fit: Sendable {
        /// The shortest edge is brought to this many pixels, and what the frame holds of the middle is seen.
        case centre(shortestEdge: Int)
        /// Both edges are brought to the frame's.
        case stretched
    }

    /// Side of the frame in pixels.
    let side: Int
    let tokens: Int
    let fit: Fit
    let filter: ResampleFilter
    let levels: ColourLevels

    func tokenCount(width: Int, height: Int, maxTiles: Int?) -> Int { tokens }

    func mostPixelBytes(maxTiles: Int?) -> Int { 3 * side * side }

    func process(_ image: RGBImage, maxTiles: Int?) -> ProcessedImage {
        let pixels = fitted(image).pixels
        var hasher = SHA256()
        hasher.update(data: Array("a frame of \(side)".utf8))
        hasher.update(data: pixels)
        return ProcessedImage(
            pixels: pixels, levels: levels, frameCount: 1, height: side, width: side, tileRows: 0, tileColumns: 0,
            tokenCount: tokens, hash: ContentHash(hasher.finalize()))
    }

    private func fitted(_ image: RGBImage) -> RGBImage {
        guard case .centre(let shortest) = fit else { return image.resized(width: side, height: side, filter: filter) }
        precondition(shortest >= side, "a frame of \(side) pixels is not filled by \(shortest)")
        // transformers: the other edge in f64, cut off.
        func scaled(_ edge: Int) -> Int {
            Int(Double(shortest * edge) / Double(min(image.width, image.height)))
        }
        let resized = image.resized(width: scaled(image.width), height: scaled(image.height), filter: filter)
        return resized.cropped(
            x: (resized.width - side) / 2, y: (resized.height - side) / 2, width: side, height: side)
    }
}
