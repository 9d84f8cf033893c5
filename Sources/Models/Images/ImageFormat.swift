/// The formats that are decoded, told apart by their first bytes; a file's name or declared type is never trusted.
public enum ImageFormat: String, Sendable, CaseIterable, CustomStringConvertible {
    case jpeg = "JPEG"
    case png = "PNG"
    case webp = "WebP"
    case gif = "GIF"
    case tiff = "TIFF"
    case bmp = "BMP"
    case heic = "HEIC"
    case avif = "AVIF"

    public var description: String { rawValue }

    static let listed = "a " + allCases.dropLast().map(\.rawValue).joined(separator: ", ") + " or AVIF image"

    /// Nil when the bytes begin like none of the formats.
    public init?(sniffing bytes: [UInt8]) {
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if bytes.starts(with: "GIF87a".utf8) || bytes.starts(with: "GIF89a".utf8) {
            self = .gif
        } else if bytes.starts(with: "RIFF".utf8), bytes.dropFirst(8).starts(with: "WEBP".utf8) {
            self = .webp
        } else if Self.tiffSignatures.contains(where: { bytes.starts(with: $0) }) {
            self = .tiff
        } else if bytes.starts(with: "BM".utf8), bytes.count >= 18, Self.bmpHeaderSizes.contains(bytes[14]) {
            self = .bmp
        } else if bytes.dropFirst(4).starts(with: "ftyp".utf8), let format = Self(brandsOf: bytes) {
            self = format
        } else {
            return nil
        }
    }

    /// Classic and BigTIFF, little- and big-endian.
    private static let tiffSignatures: [[UInt8]] = [
        [0x49, 0x49, 42, 0], [0x4D, 0x4D, 0, 42], [0x49, 0x49, 43, 0], [0x4D, 0x4D, 0, 43],
    ]

    /// "BM" alone begins many a text; the information header's length is part of the signature.
    private static let bmpHeaderSizes: [UInt8] = [12, 40, 52, 56, 64, 108, 124]

    /// ISO 14496-12 file-type box: a major brand, a version, then the compatible brands. `mif1` says only "still image",
    /// so the codec's own brand decides wherever it stands.
    private init?(brandsOf bytes: [UInt8]) {
        let length = min(bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }, bytes.count, 1024)
        let brands = stride(from: 8, to: length - 3, by: 4).map { String(decoding: bytes[$0..<$0 + 4], as: UTF8.self) }
        if brands.contains(where: ["avif", "avis"].contains) {
            self = .avif
        } else if brands.contains(where: ["heic", "heix", "heim", "heis", "hevc", "hevx"].contains) {
            self = .heic
        } else {
            return nil
        }
    }

    /// A guess at what an unknown file is, for the error's sentence only.
    static func guess(_ bytes: [UInt8]) -> String {
        let known: [(prefix: String, name: String)] = [
            ("%PDF", "a PDF document"), ("<svg", "an SVG drawing"), ("<?xml", "an XML document"),
            ("<!DOCTYPE", "an HTML page"), ("<html", "an HTML page"), ("8BPS", "a Photoshop document"),
            ("PK\u{3}\u{4}", "a ZIP archive"), ("BM", "a bitmap with an unknown header"),
        ]
        if let match = known.first(where: { bytes.starts(with: $0.prefix.utf8) }) { return match.name }
        if bytes.dropFirst(4).starts(with: "ftyp".utf8) { return "a video or an unknown HEIF variant" }
        if bytes.starts(with: [0xFF, 0x0A]) || bytes.dropFirst(4).starts(with: "JXL ".utf8) {
            return "a JPEG XL image"
        }
        if bytes.dropFirst(4).starts(with: "jP  ".utf8) { return "a JPEG 2000 image" }
        if bytes.starts(with: [0, 0, 1, 0]) { return "an icon" }
        let digits = bytes.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return "bytes that begin with \(digits.joined(separator: " "))"
    }
}
