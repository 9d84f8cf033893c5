import Compute

/// What a vision tower is given for the 256 steps of red, green and blue: rescaled and normalised.
public struct ColourLevels: Sendable {
    /// Red's 256 values, green's, blue's.
    private let values: [Float]

    /// - Parameter value: of a colour (0 red, 1 green, 2 blue) and a step.
    public init(_ value: (_ colour: Int, _ step: Int) throws -> Float) rethrows {
        values = try (0..<3).flatMap { colour in try (0...255).map { try value(colour, $0) } }
    }

    /// 0 to 1, for towers that normalise themselves.
    static let plain = ColourLevels { _, step in Float(step) / 255 }

    /// Rescaling in f64, then normalising in f32, exactly as transformers' Pillow-based processors do.
    init(normalizing settings: Settings) throws {
        let factor = try settings.number("rescale_factor", in: 1e-9...1, default: 1.0 / 255)
        let means = try settings.colours("image_mean").map { Float($0) }
        let deviations = try settings.colours("image_std").map { Float($0) }
        // What is a fine number in f64 may be 0 or infinite in f32.
        guard means.allSatisfy(\.isFinite) else {
            throw settings.failure("image_mean", expected: "three numbers that f32 can hold")
        }
        guard deviations.allSatisfy({ $0 > 0 }) else {
            throw settings.failure("image_std", expected: "three numbers above 0")
        }
        self.init { colour, step in (Float(Double(step) * factor) - means[colour]) / deviations[colour] }
        guard values.allSatisfy(\.isFinite) else {
            throw settings.failure("image_std", expected: "three numbers that colours can be divided by in f32")
        }
    }

    fileprivate func withValues(of colour: Int, _ body: (UnsafePointer<Float>) -> Void) {
        values.withUnsafeBufferPointer { body($0.baseAddress! + 256 * colour) }
    }
}

extension ProcessedImage {
    /// Square patches of the first frame as a tower reads them, normalised and flattened (channel, y, x):
    /// [places, 3 × size²] in host memory. `places`: (row, column) of each in the grid of patches.
    func patches(at places: some Collection<PatchGrid.Place>, size: Int) -> Tensor {
        let patches = Tensor.host(shape: [places.count, 3 * size * size], type: .f32)
        var write = patches.bytes.bindMemory(to: Float.self).baseAddress!
        pixels.withUnsafeBufferPointer { pixels in
            for place in places {
                precondition((place.row + 1) * size <= height && (place.column + 1) * size <= width, "\(place)")
                for colour in 0..<3 {
                    levels.withValues(of: colour) { levels in
                        for line in place.row * size..<(place.row + 1) * size {
                            var read = pixels.baseAddress! + 3 * (line * width + place.column * size) + colour
                            let end = write + size
                            while write < end {
                                write.pointee = levels[Int(read.pointee)]
                                write += 1
                                read += 3
                            }
                        }
                    }
                }
            }
        }
        return patches
    }

    /// The upper left `side` × `side` pixels of some frames as the tower reads them: planar and normalised,
    /// [frames, 3, side, side] in host memory.
    func planes(of frames: Range<Int>, side: Int) -> Tensor {
        precondition(frames.lowerBound >= 0 && frames.upperBound <= frameCount, "frames \(frames) of \(frameCount)")
        precondition(side <= height && side <= width, "\(side) pixels a side of \(width) × \(height)")
        let planes = Tensor.host(shape: [frames.count, 3, side, side], type: .f32)
        var write = planes.bytes.bindMemory(to: Float.self).baseAddress!
        pixels.withUnsafeBufferPointer { pixels in
            for frame in frames {
                for colour in 0..<3 {
                    levels.withValues(of: colour) { levels in
                        for line in 0..<side {
                            // `while`, because unoptimised builds, which the tests are, run ranges ten times slower.
                            var read = pixels.baseAddress! + 3 * (frame * height + line) * width + colour
                            let end = write + side
                            while write < end {
                                write.pointee = levels[Int(read.pointee)]
                                write += 1
                                read += 3
                            }
                        }
                    }
                }
            }
        }
        return planes
    }
}
