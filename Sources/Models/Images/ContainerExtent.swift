/// Whether an encoded file stops before its container says it ends.
///
/// Asked only after a decoder failed, to tell a cut-off file (fetch it again) from a damaged one. The decoder's own
/// message cannot: libvips collects the messages of all threads in one buffer.
enum ContainerExtent {
    static func endsEarly(_ bytes: [UInt8], format: ImageFormat) -> Bool {
        switch format {
        case .jpeg: !JPEGStructure(bytes).isComplete
        case .png: pngEndsEarly(ByteReader(bytes: bytes, isBigEndian: true))
        case .webp: (ByteReader(bytes: bytes, isBigEndian: false).integer(at: 4, width: 4) ?? .max) > bytes.count - 8
        case .gif: gifEndsEarly(ByteReader(bytes: bytes, isBigEndian: false))
        case .tiff: !TIFFStructure(bytes).isComplete
        case .heic, .avif: boxesEndEarly(ByteReader(bytes: bytes, isBigEndian: true))
        case .bmp: false  // BMPFile knows by itself
        }
    }

    /// Length, type, data and checksum, chunk after chunk up to IEND.
    private static func pngEndsEarly(_ reader: ByteReader) -> Bool {
        var offset = 8
        while let length = reader.integer(at: offset, width: 4), offset + 12 + length <= reader.count {
            if reader.has("IEND", at: offset + 4) { return false }
            offset += 12 + length
        }
        return true
    }

    /// Extensions and images, each ending in a chain of sub-blocks, up to the trailer 0x3B.
    private static func gifEndsEarly(_ reader: ByteReader) -> Bool {
        guard let screenFlags = reader.integer(at: 10, width: 1) else { return true }
        var offset = 13 + colourTableBytes(screenFlags)
        while let introducer = reader.integer(at: offset, width: 1) {
            switch introducer {
            case 0x3B: return false
            case 0x21: offset += 2
            case 0x2C:
                guard let flags = reader.integer(at: offset + 9, width: 1) else { return true }
                offset += 11 + colourTableBytes(flags)
            default: return false  // damaged, not short
            }
            while let length = reader.integer(at: offset, width: 1), length > 0 { offset += 1 + length }
            offset += 1
        }
        return true
    }

    private static func colourTableBytes(_ flags: Int) -> Int { flags & 0x80 == 0 ? 0 : 3 << ((flags & 7) + 1) }

    /// Top-level boxes of ISO 14496-12: size 0 reaches to the end of the file, size 1 is followed by 64 bits of size.
    private static func boxesEndEarly(_ reader: ByteReader) -> Bool {
        var offset = 0
        while offset < reader.count {
            guard var size = reader.integer(at: offset, width: 4) else { return true }
            if size == 0 { return false }
            if size == 1 {
                guard let large = reader.integer(at: offset + 8, width: 8) else { return true }
                size = large
            }
            guard size >= 8 else { return false }  // damaged, not short
            guard size <= reader.count - offset else { return true }
            offset += size
        }
        return false
    }
}
