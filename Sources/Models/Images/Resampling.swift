extension RGBImage {
    /// This image at another size, bit for bit as `Image.resize` on an RGB image in Pillow up to 12.1.
    ///
    /// Separable: along rows first, then along columns, rounded to 8 bits in between; an axis whose size stays is not
    /// touched. The aspect ratio is the caller's business.
    ///
    /// Newer releases sometimes run along columns first: 12.2 where the height is over 100 widths and shrinks, 13.0
    /// (measured) where the height shrinks by more than twice what the width does. There their results differ from these,
    /// by up to 11 steps on a photograph (mean 0.2) and more where kernels overshoot; elsewhere the bits are the same.
    public func resized(width: Int, height: Int, filter: ResampleFilter) -> RGBImage {
        precondition(width > 0 && height > 0, "an image cannot be resized to \(width) × \(height)")
        precondition(self.width > 0 && self.height > 0, "an empty image cannot be resized")
        var image = self
        if width != image.width { image = image.resampledHorizontally(to: width, filter: filter) }
        if height != image.height { image = image.resampledVertically(to: height, filter: filter) }
        return image
    }

    /// The `width` × `height` pixels whose top left corner is (`x`, `y`); they must lie inside the image.
    public func cropped(x: Int, y: Int, width: Int, height: Int) -> RGBImage {
        precondition(
            x >= 0 && y >= 0 && width >= 0 && height >= 0 && width <= self.width - x && height <= self.height - y,
            "\(width) × \(height) at (\(x), \(y)) is not inside \(self.width) × \(self.height) pixels")
        var cropped: [UInt8] = []
        cropped.reserveCapacity(width * height * 3)
        for row in y..<y + height {
            let start = 3 * (row * self.width + x)
            cropped += pixels[start..<start + 3 * width]
        }
        return RGBImage(width: width, height: height, pixels: cropped)
    }

    private func resampledHorizontally(to width: Int, filter: ResampleFilter) -> RGBImage {
        let weights = ResampleWeights(from: self.width, to: width, filter: filter)
        let (rows, sourceLine) = (height, self.width * 3)
        let mixed = [UInt8](unsafeUninitializedCapacity: width * rows * 3) { target, count in
            pixels.withUnsafeBufferPointer { source in
                for row in 0..<rows {
                    mixRow(source.baseAddress! + row * sourceLine, weights, into: target.baseAddress! + row * width * 3)
                }
            }
            count = width * rows * 3
        }
        return RGBImage(width: width, height: rows, pixels: mixed)
    }

    private func resampledVertically(to height: Int, filter: ResampleFilter) -> RGBImage {
        let weights = ResampleWeights(from: self.height, to: height, filter: filter)
        let line = width * 3
        let mixed = [UInt8](unsafeUninitializedCapacity: line * height) { target, count in
            pixels.withUnsafeBufferPointer { source in
                withUnsafeTemporaryAllocation(of: Int32.self, capacity: line) { sums in
                    for row in 0..<height {
                        sums.update(repeating: half)
                        for tap in 0..<weights.counts[row] {
                            let read = source.baseAddress! + (weights.starts[row] + tap) * line
                            add(read, times: weights.values[row * weights.stride + tap], count: line, to: sums)
                        }
                        round(sums, into: target.baseAddress! + row * line)
                    }
                }
            }
            count = line * height
        }
        return RGBImage(width: width, height: height, pixels: mixed)
    }
}

/// One half in fixed point, so that the final shift rounds.
private let half: Int32 = 1 << (ResampleWeights.fractionBits - 1)

/// One output row: every pixel the weighted sum of neighbours in the input row. `while` and wrapping arithmetic because
/// unoptimised builds, which the tests are, run ranges ten times slower; sums stay below 2³¹ by the choice of fraction bits.
private func mixRow(
    _ source: UnsafePointer<UInt8>, _ weights: ResampleWeights, into target: UnsafeMutablePointer<UInt8>
) {
    weights.values.withUnsafeBufferPointer { values in
        var write = target
        for column in weights.starts.indices {
            var read = source + 3 * weights.starts[column]
            var weight = values.baseAddress! + column * weights.stride
            let end = weight + weights.counts[column]
            var (red, green, blue) = (half, half, half)
            while weight < end {
                red &+= Int32(truncatingIfNeeded: read[0]) &* weight[0]
                green &+= Int32(truncatingIfNeeded: read[1]) &* weight[0]
                blue &+= Int32(truncatingIfNeeded: read[2]) &* weight[0]
                read += 3
                weight += 1
            }
            write[0] = clamped(red)
            write[1] = clamped(green)
            write[2] = clamped(blue)
            write += 3
        }
    }
}

private func add(
    _ row: UnsafePointer<UInt8>, times weight: Int32, count: Int, to sums: UnsafeMutableBufferPointer<Int32>
) {
    let sums = sums.baseAddress!
    var i = 0
    while i < count {
        sums[i] &+= Int32(truncatingIfNeeded: row[i]) &* weight
        i &+= 1
    }
}

private func round(_ sums: UnsafeMutableBufferPointer<Int32>, into target: UnsafeMutablePointer<UInt8>) {
    for i in sums.indices { target[i] = clamped(sums[i]) }
}

/// A fixed-point sum as a byte; sharpening kernels overshoot.
private func clamped(_ sum: Int32) -> UInt8 {
    UInt8(truncatingIfNeeded: max(0, min(255, sum >> ResampleWeights.fractionBits)))
}
