/// How a decoder lays a pixel's samples out, and their way to RGB by Pillow's integer rules.
struct SampleLayout {
    enum Colour: Int { case grey = 1, rgb = 3, cmyk = 4 }

    let colour: Colour
    /// Samples a pixel, alpha and ignored extras included.
    let bands: Int
    /// 1, or 2 in the machine's byte order.
    let sampleBytes: Int
    /// Whether the sample after the colours is opacity.
    let hasAlpha: Bool

    var bytesPerPixel: Int { bands * sampleBytes }

    /// Writes `count` pixels of RGB from as many of this layout. `samples` is scratch afterwards.
    func convert(_ samples: UnsafeMutableRawPointer, count: Int, to rgb: UnsafeMutablePointer<UInt8>) {
        if sampleBytes == 2 { keepHighBytes(samples, count: count * bands) }
        let bytes = UnsafePointer(samples.assumingMemoryBound(to: UInt8.self))
        switch colour {
        case .grey: convertGrey(bytes, count: count, to: rgb)
        case .rgb where bands == 3: rgb.update(from: bytes, count: 3 * count)
        case .rgb: convertRGB(bytes, count: count, to: rgb)
        case .cmyk: convertCMYK(bytes, count: count, to: rgb)
        }
    }

    /// 16 bits to 8 as Pillow reads 16-bit RGB: the high byte, without rounding. Pillow clips 16-bit *grey* instead
    /// (anything over 255 becomes white), which loses the picture; grey takes the high byte here too.
    private func keepHighBytes(_ samples: UnsafeMutableRawPointer, count: Int) {
        let bytes = samples.assumingMemoryBound(to: UInt8.self)
        for i in 0..<count {
            bytes[i] = UInt8(samples.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self) >> 8)
        }
    }

    private func convertGrey(_ samples: UnsafePointer<UInt8>, count: Int, to rgb: UnsafeMutablePointer<UInt8>) {
        for i in 0..<count {
            var value = samples[i * bands]
            if hasAlpha { value = Self.overWhite(value, alpha: samples[i * bands + 1]) }
            rgb[3 * i] = value
            rgb[3 * i + 1] = value
            rgb[3 * i + 2] = value
        }
    }

    private func convertRGB(_ samples: UnsafePointer<UInt8>, count: Int, to rgb: UnsafeMutablePointer<UInt8>) {
        for i in 0..<count {
            let pixel = samples + i * bands
            let alpha = hasAlpha ? pixel[3] : 255
            for channel in 0..<3 { rgb[3 * i + channel] = Self.overWhite(pixel[channel], alpha: alpha) }
        }
    }

    private func convertCMYK(_ samples: UnsafePointer<UInt8>, count: Int, to rgb: UnsafeMutablePointer<UInt8>) {
        for i in 0..<count {
            let pixel = samples + i * bands
            let light = Int(255 - pixel[3])
            for channel in 0..<3 {
                let ink = Self.dividedBy255(Int(pixel[channel]) * light + 128)
                rgb[3 * i + channel] = UInt8(light - ink)
            }
        }
    }

    /// Pillow's `alpha_composite` over an opaque white pixel: 7 fraction bits, then a division by 255.
    static func overWhite(_ value: UInt8, alpha: UInt8) -> UInt8 {
        if alpha == 255 { return value }
        let weight = Int(alpha) << 7
        return UInt8(dividedBy255(Int(value) * weight + 255 * ((255 << 7) - weight) + (0x80 << 7)) >> 7)
    }

    /// The usual shift approximation of `x / 255`; the caller adds the rounding term.
    private static func dividedBy255(_ x: Int) -> Int { ((x >> 8) + x) >> 8 }
}
