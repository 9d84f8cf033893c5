import Compute

/// What turns pictures into features for a decoder.
protocol ImageTower: Sendable {
    associatedtype Configuration: ImageTextConfiguration

    /// `weights` are those of the whole checkpoint.
    init(_ weights: Weights, _ configuration: Configuration) throws

    /// Starts to encode `image`, without doing much of it yet.
    func beginEncoding(_ image: ProcessedImage, on backend: any Backend) throws -> any ImageEncoding
}

/// A vision transformer that sees each frame by itself, all of one size, open between its parts so that other work can be done
/// there.
protocol VisionTower: ImageTower {
    var blocks: [EncoderBlock] { get }
    /// Rows of a frame inside the blocks: patches, and tokens that stand before them.
    var frameRows: Int { get }

    /// Patches and positions, [frames × frameRows, width].
    func embed(_ image: ProcessedImage, frames: Range<Int>, on backend: any Backend) throws -> Tensor

    /// The tower's result, [frames × patches, width], of what came out of the last block.
    func states(_ hidden: Tensor, on backend: any Backend) throws -> Tensor

    /// Such states as features, [frames × tokensPerFrame, decoder width].
    func features(of states: Tensor, on backend: any Backend) throws -> Tensor
}

extension VisionTower {
    func beginEncoding(_ image: ProcessedImage, on backend: any Backend) -> any ImageEncoding {
        FrameEncoding(of: image, by: self, on: backend)
    }

    /// Each block has two.
    var halfBlocks: Int { 2 * blocks.count }

    /// Updates `hidden` [frames × frameRows, width] in place by one half of a block.
    func apply(halfBlock index: Int, to hidden: Tensor, on backend: any Backend) throws {
        let block = blocks[index / 2]
        if index.isMultiple(of: 2) {
            let segments = Array(repeating: frameRows, count: hidden.rows / frameRows)
            try block.attend(hidden, segments: segments, on: backend)
        } else {
            try block.feedForward(hidden, on: backend)
        }
    }
}

enum FrameRows {
    /// Rows that go through a tower at once: enough for full-speed products, few enough that half a block takes less
    /// than a tenth of a second on two cores for one 512-pixel frame of SmolVLM-256M, and about a fifth for one of
    /// C-RADIOv2-H, whose decoder takes longer for each token.
    static let atOnce = 1024
}

/// An image's way through a tower: a few frames after the other, each half a block at a time.
struct FrameEncoding<Tower: VisionTower>: ImageEncoding {
    private let image: ProcessedImage
    private let tower: Tower
    private let backend: any Backend
    private let framesAtOnce: Int
    private var pass: TowerPass<Tower>
    /// Of all frames, filled up pass by pass; none as long as one pass may be all.
    private var features: Tensor?

    init(
        of image: ProcessedImage, by tower: Tower, rowsAtOnce: Int = FrameRows.atOnce, on backend: any Backend
    ) {
        self.image = image
        self.tower = tower
        self.backend = backend
        framesAtOnce = max(1, rowsAtOnce / tower.frameRows)
        pass = TowerPass(of: image, frames: 0..<min(framesAtOnce, image.frameCount))
    }

    mutating func advance() throws -> Tensor? {
        guard let states = try pass.advance(tower, on: backend) else { return nil }
        let part = try tower.features(of: states, on: backend)
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

/// Some frames of an image on their way through the tower: patches first, then each block's halves, the end.
struct TowerPass<Tower: VisionTower>: Sendable {
    let frames: Range<Int>
    private let image: ProcessedImage
    /// [frames × frameRows, width].
    private var hidden: Tensor?
    private var doneHalfBlocks = 0

    init(of image: ProcessedImage, frames: Range<Int>) {
        self.image = image
        self.frames = frames
    }

    /// Does the next slice. After the last: the tower's states, as `VisionTower.states` gives them.
    mutating func advance(_ tower: Tower, on backend: any Backend) throws -> Tensor? {
        guard let hidden else {
            hidden = try tower.embed(image, frames: frames, on: backend)
            return nil
        }
        guard doneHalfBlocks < tower.halfBlocks else { return try tower.states(hidden, on: backend) }
        try tower.apply(halfBlock: doneHalfBlocks, to: hidden, on: backend)
        doneHalfBlocks += 1
        return nil
    }
}
