import Models
import Testing

/// Small files that ask for much are refused by their headers.
@Suite struct ImageBombTests {
    static func bigEndian(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    static func littleEndian(_ value: Int, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    static func png(width: Int, height: Int) -> [UInt8] {
        func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
            let body = Array(type.utf8) + data
            return bigEndian(data.count) + body + bigEndian(Int(ImageFixtures.crc32(body)))
        }
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            + chunk("IHDR", bigEndian(width) + bigEndian(height) + [8, 2, 0, 0, 0]) + chunk("IDAT", [])
            + chunk("IEND", [])
    }

    /// One frame that fills the screen.
    static func gif(width: Int, height: Int) -> [UInt8] {
        let size = littleEndian(width, 2) + littleEndian(height, 2)
        return Array("GIF89a".utf8) + size + [0x80, 0, 0, 0, 0, 0, 255, 255, 255]
            + [0x2C, 0, 0, 0, 0] + size + [0, 2, 2, 0x44, 1, 0, 0x3B]
    }

    static func bmp(width: Int, height: Int) -> [UInt8] {
        Array("BM".utf8) + littleEndian(54, 4) + [0, 0, 0, 0] + littleEndian(54, 4) + littleEndian(40, 4)
            + littleEndian(width, 4) + littleEndian(height, 4) + [1, 0, 24, 0] + [UInt8](repeating: 0, count: 24)
    }

    @Test(arguments: [
        png(width: 50_000, height: 50_000), png(width: 65_501, height: 1000), png(width: 4000, height: 10),
        gif(width: 65_535, height: 65_535), bmp(width: 0x7FFF_FFFF, height: 0x7FFF_FFFF),
        bmp(width: 30_000, height: 30_000),
        bmp(width: 20_000, height: -20_000), bmp(width: 30_000, height: -0x8000_0000),
    ])
    func `a huge or extreme header is refused`(bytes: [UInt8]) throws {
        let error = try #require(ImageErrorTests.failure(bytes))
        #expect(error.code == "image_too_large")
        #expect(throws: error) { try ImageDecoder.header(bytes, name: "cat.jpg") }
    }

    @Test(arguments: [bmp(width: 0, height: 5), bmp(width: 5, height: 0), png(width: 0, height: 0)])
    func `a picture without pixels is corrupt`(bytes: [UInt8]) {
        #expect(ImageErrorTests.failure(bytes)?.code == "image_corrupt")
    }

    @Test(arguments: [
        (ImageLimits(maxPixels: 850, maxBytes: 9999, maxSide: 99, maxAspectRatio: 9), "850 pixels", "pixels"),
        (ImageLimits(maxPixels: 9999, maxBytes: 100, maxSide: 99, maxAspectRatio: 9), "100 bytes", "bytes"),
        (ImageLimits(maxPixels: 9999, maxBytes: 9999, maxSide: 36, maxAspectRatio: 9), "36 pixels a side", "side"),
        (ImageLimits(maxPixels: 9999, maxBytes: 9999, maxSide: 99, maxAspectRatio: 1), "aspect ratio of 1", "aspect"),
    ])
    func `each limit is its own, and its error names the flag that sets it`(
        limits: ImageLimits, found: String, flag: String
    ) throws {
        let bytes = try ImageFixtures.bytes("rgb.png")  // 37 × 23
        let error = try #require(ImageErrorTests.failure(bytes, limits: limits))
        #expect(error.code == "image_too_large" && error.description.contains(found))
        #expect(error.description.hasSuffix("raise --max-image-\(flag)"))
        let unlimited = ImageLimits(maxPixels: .max, maxBytes: .max, maxSide: .max, maxAspectRatio: .max)
        #expect(ImageErrorTests.failure(bytes, limits: unlimited) == nil)
        let justEnough = ImageLimits(maxPixels: 851, maxBytes: bytes.count, maxSide: 37, maxAspectRatio: 2)
        #expect(ImageErrorTests.failure(bytes, limits: justEnough) == nil)
    }

    @Test func `a JPEG of a thousand scans is refused before it is decoded`() throws {
        let jpeg = try ImageFixtures.bytes("progressive.jpg")
        let scan = try #require(jpeg.indices.last { jpeg[$0] == 0xFF && $0 + 1 < jpeg.count && jpeg[$0 + 1] == 0xDA })
        let repeated = Array(jpeg[scan..<jpeg.count - 2])
        var bomb = Array(jpeg[..<scan])
        for _ in 0..<1000 { bomb += repeated }
        #expect(ImageErrorTests.failure(bomb + [0xFF, 0xD9])?.code == "image_too_large")
    }

    @Test func `a TIFF whose directories form a loop is refused`() throws {
        var tiff = try ImageFixtures.bytes("raw.tif")
        let directory = Int(tiff[4]) | Int(tiff[5]) << 8
        let next = directory + 2 + 12 * (Int(tiff[directory]) | Int(tiff[directory + 1]) << 8)
        tiff.replaceSubrange(next..<next + 4, with: Self.littleEndian(directory, 4))
        #expect(ImageErrorTests.failure(tiff)?.code == "image_too_large")
    }

    @Test func `an animation of 20,000 frames gives its first one quickly`() throws {
        let frame: [UInt8] = [0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]
        var animation = Self.gif(width: 1, height: 1)
        animation.removeLast()
        for _ in 0..<20_000 { animation += frame }
        animation.append(0x3B)
        let image = try ImageDecoder.decode(animation)
        #expect([image.width, image.height] == [1, 1])
    }

    /// `count` zeros in zlib's format, 13 bits for 258 of them (RFC 1950 and 1951): fixed codes, one literal, then matches of
    /// the greatest length at the distance 1.
    static func zlibZeros(_ count: Int) -> [UInt8] {
        var (bytes, filled): ([UInt8], Int) = ([0x78, 0x01, 0], 0)
        func write(_ bits: [UInt8]) {
            for bit in bits {
                if filled == 8 {
                    bytes.append(0)
                    filled = 0
                }
                bytes[bytes.count - 1] |= bit << UInt8(filled)
                filled += 1
            }
        }
        let matches = (count - 1) / 258
        write([1, 1, 0] + [0, 0, 1, 1, 0, 0, 0, 0])
        for _ in 0..<matches { write([1, 1, 0, 0, 0, 1, 0, 1] + [0, 0, 0, 0, 0]) }
        write([0, 0, 0, 0, 0, 0, 0])
        return bytes + bigEndian(((1 + matches * 258) % 65521) << 16 | 1)
    }

    private static let zeros = zlibZeros(64 << 20)

    @Test(arguments: [
        ("iCCP", "profile\u{0}\u{0}"), ("zTXt", "Comment\u{0}\u{0}"),
        ("iTXt", "XML:com.adobe.xmp\u{0}\u{1}\u{0}\u{0}\u{0}"),
    ])
    func `metadata that unpack to 64 megabytes are passed over`(type: String, head: String) throws {
        var png = try ImageFixtures.bytes("rgb.png")
        let body = Array((type + head).utf8) + Self.zeros
        let chunk = Self.bigEndian(body.count - 4) + body + Self.bigEndian(Int(ImageFixtures.crc32(body)))
        // Behind the header's chunk.
        png.insert(contentsOf: chunk, at: 33)
        let start = ContinuousClock.now
        let image = try ImageDecoder.decode(png)
        #expect([image.width, image.height] == [37, 23])
        #expect(ContinuousClock.now - start < .seconds(20))
    }
}
