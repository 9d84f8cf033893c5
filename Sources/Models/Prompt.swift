/// A prompt as the decoder sees it: token ids with every image's placeholders already in place.
public struct Prompt: Sendable {
    public var tokens: [Int32]
    /// Images in order of appearance.
    public var images: [PlacedImage]
    /// Rotary positions, for models that give tokens of pictures three; nil where every token's is its index.
    public var grid: GridPositions?

    public init(tokens: [Int32], images: [PlacedImage] = [], grid: GridPositions? = nil) {
        self.tokens = tokens
        self.images = images
        self.grid = grid
    }
}

/// An image and the positions of the prompt that its features fill.
public struct PlacedImage: Sendable {
    public let image: ProcessedImage
    /// Ascending positions in `Prompt.tokens`, one for each row of the image's features; tags may lie between them.
    public let positions: [Int]

    public init(image: ProcessedImage, positions: [Int]) {
        self.image = image
        self.positions = positions
    }
}

/// An image after resizing and tiling, ready for the vision tower.
public struct ProcessedImage: Sendable {
    /// Frames one after the other, [frames, height, width, 3], in 8-bit steps: a quarter of the normalised values' bytes,
    /// which are made frame by frame when the tower wants them (`planes`).
    public let pixels: [UInt8]
    /// The normalised value of each step.
    public let levels: ColourLevels
    public let frameCount: Int
    public let height: Int
    public let width: Int
    /// The tiles' grid; 0 × 0 when the image was not split.
    public let tileRows: Int
    public let tileColumns: Int
    /// Rows of features that `VisionLanguageModel` gives for this image.
    public let tokenCount: Int
    /// Hash of the pixels and of how they were made: equal hashes mean equal features for one model.
    public let hash: ContentHash

    public init(
        pixels: [UInt8], levels: ColourLevels, frameCount: Int, height: Int, width: Int, tileRows: Int,
        tileColumns: Int, tokenCount: Int, hash: ContentHash
    ) {
        precondition(pixels.count == frameCount * 3 * height * width, "pixels do not fill their frames")
        self.pixels = pixels
        self.levels = levels
        self.frameCount = frameCount
        self.height = height
        self.width = width
        self.tileRows = tileRows
        self.tileColumns = tileColumns
        self.tokenCount = tokenCount
        self.hash = hash
    }
}
