import Compute

/// What a vision tower is given for the 256 steps of red, green and blue: rescaled and normalised.
public struct ColourLevels: Sendable {
    /// Red's 256 values, green's, blue's.
    private let values: [Float]

    /// - Parameter value: of a colour (0 red, 1 green, 2 blue) and a step.
    public init(_ value: (_ colour: Int, _ step: Int) throws -> Float) rethrows {
        values = try (0..<3).flatMap { colour in try (0...255).map { try value(colour, $0) } }
    }

    var areFinite: Bool { values.allSatisfy(\.isFinite) }

    fileprivate func withValues(of colour: Int, _ body: (UnsafePointer<Float>) -> Void) {
        values.withUnsafeBufferPointer { body($0.baseAddress! + 256 * colour) }
    }
}

extension ProcessedImage {
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
