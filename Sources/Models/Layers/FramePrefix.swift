import Compute

/// Tokens of a tower's own that stand in front of the patches of each frame and are dropped at its end.
struct FramePrefix: Sendable {
    /// [count, width] in f32.
    let tokens: Tensor
    let count: Int
    /// Patches of a frame.
    let patches: Int

    /// Rows of a frame, patches and tokens.
    var frameRows: Int { count + patches }

    /// [frames × patches, width] → [frames × frameRows, width].
    func prepended(to embedded: Tensor, on backend: any Backend) throws -> Tensor {
        let frames = embedded.rows / patches
        let hidden = try backend.makeTensor([frames * frameRows, embedded.width], .f32)
        for frame in 0..<frames where count > 0 {
            let rows = frame * frameRows..<frame * frameRows + count
            try backend.scatter(tokens, into: hidden, at: rows.map(Int32.init))
        }
        try backend.scatter(embedded, into: hidden, at: patchRows(frames))
        return hidden
    }

    /// [frames × frameRows, width] → [frames × patches, width].
    func dropped(from hidden: Tensor, on backend: any Backend) throws -> Tensor {
        try backend.gather(patchRows(hidden.rows / frameRows), of: hidden)
    }

    private func patchRows(_ frames: Int) -> [Int32] {
        (0..<frames * patches).map { Int32($0 / patches * frameRows + count + $0 % patches) }
    }
}
