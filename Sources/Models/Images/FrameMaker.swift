/// How the pictures of a family become frames.
protocol FrameMaker: Sendable {
    func process(_ image: RGBImage, maxTiles: Int?) -> ProcessedImage

    /// No picture that `process` gives with this limit has more bytes of pixels.
    func mostPixelBytes(maxTiles: Int?) -> Int

    /// Rows of features that a picture of this size becomes.
    func tokenCount(width: Int, height: Int, maxTiles: Int?) -> Int
}
