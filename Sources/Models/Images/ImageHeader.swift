/// What an encoded image says of itself, read without decoding a pixel.
public struct ImageHeader: Sendable, Hashable {
    public let format: ImageFormat
    /// In pixels, after the orientation is applied: the size of what `ImageDecoder.decode` returns.
    public let width: Int
    public let height: Int
    public let orientation: ImageOrientation
    /// Frames of an animation, pages of a TIFF, images of a HEIF collection. Only the first is ever decoded.
    public let frames: Int

    /// `width` and `height` as the file stores them.
    init(format: ImageFormat, width: Int, height: Int, orientation: ImageOrientation = .upright, frames: Int = 1) {
        self.format = format
        self.width = orientation.swapsSides ? height : width
        self.height = orientation.swapsSides ? width : height
        self.orientation = orientation
        self.frames = frames
    }
}
