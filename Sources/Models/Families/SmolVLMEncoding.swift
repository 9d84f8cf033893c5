import Compute

/// An image's way through SmolVLM's eye: a few frames after the other, each half a block at a time.
struct SmolVLMEncoding: ImageEncoding {
    /// Patches that go through the tower at once: enough for full-speed products, few enough that half a block takes
    /// less than a tenth of a second on two cores (one 512-pixel frame of the 256 M and 500 M models).
    static let rowsAtOnce = 1024

    private let image: ProcessedImage
    private let vision: SmolVLMVision
    private let backend: any Backend
    private let framesAtOnce: Int
    private var pass: TowerPass
    /// Of all frames, filled up pass by pass; none as long as one pass may be all.
    private var features: Tensor?

    init(
        of image: ProcessedImage, by vision: SmolVLMVision, rowsAtOnce: Int = Self.rowsAtOnce, on backend: any Backend
    ) {
        self.image = image
        self.vision = vision
        self.backend = backend
        framesAtOnce = max(1, rowsAtOnce / vision.frameRows)
        pass = TowerPass(of: image, frames: 0..<min(framesAtOnce, image.frameCount))
    }

    mutating func advance() throws -> Tensor? {
        guard let states = try pass.advance(vision, on: backend) else { return nil }
        let part = try vision.features(of: states, on: backend)
        let frames = pass.frames
        if frames.count == image.frameCount { return part }
        let all = try features ?? backend.makeTensor([image.tokenCount, part.width], .f32)
        let tokens = part.rows / frames.count
        let rows = frames.lowerBound * tokens..<frames.upperBound * tokens
        try backend.scatter(part, into: all, at: rows.map(Int32.init))
        features = all
        guard frames.upperBound < image.frameCount else { return all }
        let next = frames.upperBound..<min(frames.upperBound + framesAtOnce, image.frameCount)
        pass = TowerPass(of: image, frames: next)
        return nil
    }
}

/// Some frames of an image on their way through the tower: patches first, then each block's halves, the last norm.
struct TowerPass: Sendable {
    let frames: Range<Int>
    private let image: ProcessedImage
    /// [frames × grid², width].
    private var hidden: Tensor?
    private var doneHalfBlocks = 0

    init(of image: ProcessedImage, frames: Range<Int>) {
        self.image = image
        self.frames = frames
    }

    /// Does the next slice. After the last: the tower's last hidden states, [frames × grid², width].
    mutating func advance(_ vision: SmolVLMVision, on backend: any Backend) throws -> Tensor? {
        guard let hidden else {
            hidden = try vision.embed(image, frames: frames, on: backend)
            return nil
        }
        guard doneHalfBlocks < vision.halfBlocks else { return try vision.states(hidden, on: backend) }
        try vision.apply(halfBlock: doneHalfBlocks, to: hidden, on: backend)
        doneHalfBlocks += 1
        return nil
    }
}
