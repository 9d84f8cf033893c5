extension BMPFile {
    /// The upright bitmap, over white where it has an alpha mask.
    func decode() throws(ImageError) -> RGBImage {
        var pixels = [UInt8](repeating: 0, count: width * height * 3)
        if compression == .rle4 || compression == .rle8 {
            let indices = try expandRuns()
            for i in indices.indices { write(indices[i], at: i, to: &pixels) }
            return RGBImage(width: width, height: height, pixels: pixels)
        }
        let lineBytes = (width * bits + 31) / 32 * 4
        let present = max(0, reader.count - pixelOffset)
        guard lineBytes * height <= present else {
            let cause = "\(lineBytes * height) bytes of pixels are declared, \(present) are there"
            throw .truncated(name: name, format: .bmp, cause: cause)
        }
        for line in 0..<height {
            let start = pixelOffset + line * lineBytes
            let target = (isTopDown ? line : height - 1 - line) * width
            switch bits {
            case ...8: writeIndices(at: start, to: &pixels, from: target)
            case 24: writeTriples(at: start, to: &pixels, from: target)
            default: writeFields(at: start, to: &pixels, from: target)
            }
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }

    private func write(_ index: UInt8, at pixel: Int, to pixels: inout [UInt8]) {
        for channel in 0..<3 { pixels[3 * pixel + channel] = palette[3 * Int(index) + channel] }
    }

    /// Pixels of 1, 4 or 8 bits, the leftmost in the highest bits.
    private func writeIndices(at start: Int, to pixels: inout [UInt8], from target: Int) {
        let (perByte, mask) = (8 / bits, UInt8((1 << bits) - 1))
        for x in 0..<width {
            let shift = 8 - bits * (x % perByte + 1)
            write(reader.bytes[start + x / perByte] >> shift & mask, at: target + x, to: &pixels)
        }
    }

    private func writeTriples(at start: Int, to pixels: inout [UInt8], from target: Int) {
        for x in 0..<width {
            for channel in 0..<3 { pixels[3 * (target + x) + channel] = reader.bytes[start + 3 * x + 2 - channel] }
        }
    }

    private func writeFields(at start: Int, to pixels: inout [UInt8], from target: Int) {
        let width = bits / 8
        for x in 0..<self.width {
            guard let pixel = reader.integer(at: start + x * width, width: width) else { return }
            let alpha = fields.count == 4 ? fields[3].value(in: pixel) : 255
            for channel in 0..<3 {
                let value = fields[channel].value(in: pixel)
                pixels[3 * (target + x) + channel] = SampleLayout.overWhite(value, alpha: alpha)
            }
        }
    }

    /// RLE4 and RLE8 (pairs of count and value, escapes behind a 0) as upright palette indices.
    private func expandRuns() throws(ImageError) -> [UInt8] {
        var runs = BMPRunLengths(bytes: reader.bytes, position: pixelOffset, isRLE4: bits == 4)
        guard let indices = runs.expand(width: width, height: height) else {
            throw .truncated(name: name, format: .bmp, cause: "the runs stop before the end-of-bitmap mark")
        }
        return indices
    }
}
