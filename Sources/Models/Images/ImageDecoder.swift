/// Turns encoded images into upright RGB, as a pipeline built on Pillow would:
/// `ImageOps.exif_transpose`, transparency composited over white, `convert("RGB")`.
///
/// The bytes are hostile until proven otherwise: the format is sniffed here and its one loader called by name, the
/// header is held against `ImageLimits` before a pixel is decoded, and only the first frame is ever read. Colour
/// profiles are ignored, as Pillow ignores them. Damaged and truncated data are errors, never grey pixels; Pillow's
/// default agrees on truncation and is more lenient with damage inside a JPEG.
///
/// Known differences from Pillow: 16-bit grey (`SampleLayout`); AVIF and HEIC, where libheif upsamples halved chroma
/// its own way; and a GIF whose first frame does not fill its screen, where libnsgif leaves the rest black instead of
/// palette entry 0, and shrinks a screen over 2,048 or of an old monitor's size (640 × 480, …) to what the frames cover.
///
/// Safe to call from many threads at once; each call decodes on its own thread.
public enum ImageDecoder {
    /// The version of libvips, which decodes all but BMP, for example "8.14.1"; nil when it cannot be loaded.
    public static var libraryVersion: String? { VipsFile.libraryVersion }

    /// The picture in `bytes`; `name` is what errors call it.
    public static func decode(
        _ bytes: [UInt8], limits: ImageLimits = ImageLimits(), name: String? = nil
    ) throws(ImageError) -> RGBImage {
        let name = name ?? "image"
        switch try format(of: bytes, limits: limits, name: name) {
        case .bmp:
            let bitmap = try BMPFile(bytes, name: name)
            try limits.check(width: bitmap.width, height: bitmap.height, format: .bmp, name: name)
            return try bitmap.decode()
        case let format:
            return try VipsFile(bytes: bytes, format: format, limits: limits, name: name).decode()
        }
    }

    /// The picture in the regular file at `path`; errors carry the path.
    public static func decode(
        contentsOf path: String, limits: ImageLimits = ImageLimits()
    ) throws(ImageError) -> RGBImage {
        try decode(ImageFile.contents(of: path, limits: limits), limits: limits, name: path)
    }

    /// What `bytes` say of themselves, within `limits`. The pixels may still turn out damaged.
    public static func header(
        _ bytes: [UInt8], limits: ImageLimits = ImageLimits(), name: String? = nil
    ) throws(ImageError) -> ImageHeader {
        let name = name ?? "image"
        switch try format(of: bytes, limits: limits, name: name) {
        case .bmp:
            let bitmap = try BMPFile(bytes, name: name)
            try limits.check(width: bitmap.width, height: bitmap.height, format: .bmp, name: name)
            return ImageHeader(format: .bmp, width: bitmap.width, height: bitmap.height)
        case let format:
            return try VipsFile(bytes: bytes, format: format, limits: limits, name: name).header()
        }
    }

    public static func header(
        contentsOf path: String, limits: ImageLimits = ImageLimits()
    ) throws(ImageError) -> ImageHeader {
        try header(ImageFile.contents(of: path, limits: limits), limits: limits, name: path)
    }

    private static func format(
        of bytes: [UInt8], limits: ImageLimits, name: String
    ) throws(ImageError) -> ImageFormat {
        guard !bytes.isEmpty else { throw .empty(name: name) }
        try limits.check(byteCount: bytes.count, name: name)
        guard let format = ImageFormat(sniffing: bytes) else {
            throw .unsupported(name: name, found: ImageFormat.guess(bytes))
        }
        return format
    }
}
