/// What an encoded image may ask of this process, checked on its header before a pixel is decoded.
///
/// A 30-byte GIF can declare 65,535 × 65,535 pixels: memory and time follow the header, so the header is where they are
/// bounded. At the default an image costs at most 300 MB of RGB, and about twice that for a progressive JPEG.
public struct ImageLimits: Sendable, Hashable, Codable {
    /// Width × height. Pillow warns from 89 megapixels and refuses from 179; cameras reach 100.
    public var maxPixels = 100_000_000
    /// Size of the encoded file. 64 MiB holds a 100-megapixel camera JPEG; vLLM and NIM accept less.
    public var maxBytes = 64 << 20
    /// The longer side. 65,500 is libjpeg's own limit (`JPEG_MAX_DIMENSION`).
    public var maxSide = 65_500
    /// Longer side ÷ shorter side. 200 is where Qwen2-VL's `smart_resize` refuses.
    public var maxAspectRatio = 200

    public init() {}

    public init(maxPixels: Int, maxBytes: Int, maxSide: Int, maxAspectRatio: Int) {
        self.maxPixels = maxPixels
        self.maxBytes = maxBytes
        self.maxSide = maxSide
        self.maxAspectRatio = maxAspectRatio
    }

    /// For a file of a size that is known before it is read; `name` is for the message.
    public func check(byteCount: Int, name: String) throws(ImageError) {
        guard byteCount <= maxBytes else {
            throw .tooLarge(
                name: name, found: "\(byteCount) bytes", limit: "\(maxBytes) bytes", flag: "--max-image-bytes")
        }
    }

    func check(width: Int, height: Int, format: ImageFormat, name: String) throws(ImageError) {
        guard width > 0, height > 0 else {
            throw .corrupt(name: name, format: format, cause: "the header says \(width) × \(height) pixels")
        }
        let found = "\(width) × \(height) pixels"
        let (long, short) = (max(width, height), min(width, height))
        func refusal(_ limit: String, _ flag: String) -> ImageError {
            .tooLarge(name: name, found: found, limit: limit, flag: flag)
        }
        if long > maxSide { throw refusal("\(maxSide) pixels a side", "--max-image-side") }
        if long > maxPixels / short { throw refusal("\(maxPixels) pixels", "--max-image-pixels") }
        // `long > maxAspectRatio * short` for whole numbers, without a product that could overflow.
        if (long - 1) / short >= maxAspectRatio {
            throw refusal("an aspect ratio of \(maxAspectRatio)", "--max-image-aspect")
        }
    }
}
