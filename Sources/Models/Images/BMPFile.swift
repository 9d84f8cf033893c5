/// A Windows or OS/2 bitmap: 1, 4, 8, 16, 24 or 32 bits a pixel, bottom-up or top-down, bit fields, RLE4 and RLE8.
///
/// libvips 8.14 reads BMP only through ImageMagick, which stays blocked; the format is small enough to read here.
/// Every length is held against the bytes before anything is allocated for it.
struct BMPFile {
    enum Compression: Int { case none = 0, rle8 = 1, rle4 = 2, bitFields = 3, alphaBitFields = 6 }

    /// As the header declares them; not yet held against any limit.
    let width: Int
    let height: Int

    let reader: ByteReader
    let name: String
    let isTopDown: Bool
    let bits: Int
    let compression: Compression
    let pixelOffset: Int
    /// Red, green, blue of 2^bits entries, black where the file has fewer; empty above 8 bits.
    let palette: [UInt8]
    /// Red, green, blue and perhaps alpha; empty up to 8 bits and at 24.
    let fields: [BMPBitField]

    /// Reads the header and the palette.
    init(_ bytes: [UInt8], name: String) throws(ImageError) {
        reader = ByteReader(bytes: bytes, isBigEndian: false)
        self.name = name
        guard let headerSize = reader.integer(at: 14, width: 4), headerSize <= reader.count - 14,
            let pixelOffset = reader.integer(at: 10, width: 4)
        else {
            throw .truncated(name: name, format: .bmp, cause: "the header is cut off")
        }
        self.pixelOffset = pixelOffset
        let isOS2 = headerSize == 12
        let signedHeight = isOS2 ? reader.integer(at: 20, width: 2) : reader.signedInteger32(at: 22)
        width = reader.integer(at: 18, width: isOS2 ? 2 : 4) ?? 0
        height = abs(signedHeight ?? 0)
        isTopDown = (signedHeight ?? 0) < 0
        bits = reader.integer(at: isOS2 ? 24 : 28, width: 2) ?? 0
        let code = isOS2 ? 0 : reader.integer(at: 30, width: 4) ?? 0
        guard let compression = Compression(rawValue: code), Self.isValid(compression, bits: bits, isTopDown: isTopDown)
        else {
            throw .unsupported(name: name, found: "a BMP of \(bits) bits a pixel and compression \(code)")
        }
        self.compression = compression
        fields = try Self.fields(reader, bits: bits, compression: compression, headerSize: headerSize, name: name)
        // A 40-byte header keeps its masks behind itself, longer headers inside.
        let maskBytes = headerSize > 40 ? 0 : 4 * Self.maskCount(compression)
        palette = Self.palette(
            reader, at: 14 + headerSize + maskBytes, bits: bits,
            used: isOS2 ? 0 : reader.integer(at: 46, width: 4) ?? 0, entryBytes: isOS2 ? 3 : 4)
    }

    private static func isValid(_ compression: Compression, bits: Int, isTopDown: Bool) -> Bool {
        switch compression {
        case .none: [1, 4, 8, 16, 24, 32].contains(bits)
        case .rle8: bits == 8 && !isTopDown
        case .rle4: bits == 4 && !isTopDown
        case .bitFields, .alphaBitFields: bits == 16 || bits == 32
        }
    }

    private static func maskCount(_ compression: Compression) -> Int {
        switch compression {
        case .bitFields: 3
        case .alphaBitFields: 4
        default: 0
        }
    }

    private static func fields(
        _ reader: ByteReader, bits: Int, compression: Compression, headerSize: Int, name: String
    ) throws(ImageError) -> [BMPBitField] {
        // The fourth byte of plain 32-bit pixels is padding, for Pillow as for us; only a mask makes it alpha.
        var masks = bits == 16 ? [0x7C00, 0x3E0, 0x1F] : bits == 32 ? [0xFF0000, 0xFF00, 0xFF] : []
        if maskCount(compression) > 0 {
            let count = headerSize >= 56 ? 4 : maskCount(compression)
            masks = (0..<count).compactMap { reader.integer(at: 54 + 4 * $0, width: 4) }
            guard masks.count == count else {
                throw .truncated(name: name, format: .bmp, cause: "the colour masks are cut off")
            }
            if masks.count == 4, masks[3] == 0 { masks.removeLast() }
        }
        let fields = masks.compactMap(BMPBitField.init)
        guard fields.count == masks.count else {
            throw .corrupt(name: name, format: .bmp, cause: "a colour mask is empty or has gaps")
        }
        return fields
    }

    private static func palette(_ reader: ByteReader, at start: Int, bits: Int, used: Int, entryBytes: Int) -> [UInt8] {
        guard bits <= 8 else { return [] }
        let entries = 1 << bits
        var palette = [UInt8](repeating: 0, count: 3 * entries)
        for i in 0..<(used == 0 ? entries : min(used, entries)) {
            for channel in 0..<3 {
                // Stored as blue, green, red.
                let value = reader.integer(at: start + i * entryBytes + 2 - channel, width: 1)
                palette[3 * i + channel] = UInt8(value ?? 0)
            }
        }
        return palette
    }
}

/// One channel's bits within a 16- or 32-bit pixel.
struct BMPBitField {
    private let shift: Int
    private let largest: Int

    /// Nil unless `mask` is one run of set bits.
    init?(mask: Int) {
        guard mask > 0 else { return nil }
        shift = mask.trailingZeroBitCount
        largest = mask >> shift
        guard largest & (largest + 1) == 0 else { return nil }
    }

    /// The channel of `pixel` stretched to 0...255, rounded down as Pillow does.
    func value(in pixel: Int) -> UInt8 { UInt8((pixel >> shift & largest) * 255 / largest) }
}
