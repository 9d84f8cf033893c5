import Foundation
import Models
import Testing

/// What is not an image, or not a whole one, is one typed error that names the file and the cause.
@Suite struct ImageErrorTests {
    static func failure(_ bytes: [UInt8], limits: ImageLimits = ImageLimits()) -> ImageError? {
        do throws(ImageError) {
            _ = try ImageDecoder.decode(bytes, limits: limits, name: "cat.jpg")
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        "420.jpg", "progressive.jpg", "cmyk-adobe.jpg", "rgb.png", "interlaced.png", "rgb16.png", "lossy.webp",
        "lossless.webp", "plain.gif", "lzw.tif", "raw.tif", "24.bmp", "8.bmp", "rle8.bmp", "alpha-mask.bmp",
        "plain.avif",
        "plain.heic",
    ])
    func `a file cut anywhere is one error and never grey pixels`(file: String) throws {
        let whole = try ImageFixtures.bytes(file)
        for tenths in 1...9 {
            let cut = Array(whole.prefix(whole.count * tenths / 10))
            let error = try #require(Self.failure(cut), "\(tenths) tenths of \(file) decoded")
            #expect(error.name == "cat.jpg")
            #expect(error.code == "image_truncated", "\(tenths) tenths of \(file): \(error)")
        }
    }

    @Test(arguments: ["420.jpg", "rgb.png", "lossless.webp", "plain.gif", "raw.tif", "24.bmp", "plain.avif"])
    func `bytes behind the image do not matter`(file: String) throws {
        let whole = try ImageFixtures.bytes(file)
        let longer = try ImageDecoder.decode(whole + [UInt8](repeating: 0x5A, count: 1000))
        #expect(longer == (try ImageDecoder.decode(whole)))
    }

    @Test func `no bytes are an empty image`() {
        #expect(Self.failure([]) == .empty(name: "cat.jpg"))
    }

    @Test(arguments: [
        ("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "an SVG drawing"),
        ("%PDF-1.7 and so on", "a PDF document"), ("<!DOCTYPE html><p>404", "an HTML page"), ("BMW is a car", "bitmap"),
        ("just some words", "bytes that begin with 6a 75 73 74"), ("P6 1 1 255 abc", "bytes that begin"),
        ("RIFF....WAVEfmt ", "bytes that begin"), ("\u{FF}", "bytes that begin"),
    ])
    func `what is no image is named and never reaches a decoder`(text: String, found: String) throws {
        let error = try #require(Self.failure(Array(text.utf8)))
        #expect(error.code == "image_unsupported")
        #expect(error.description.hasPrefix("cat.jpg: expected a JPEG, PNG"))
        #expect(error.description.contains(found))
    }

    @Test func `a damaged PNG is corrupt, not truncated`() throws {
        var bytes = try ImageFixtures.bytes("rgb.png")
        bytes[bytes.count / 2] ^= 0xFF
        let error = try #require(Self.failure(bytes))
        #expect(error.code == "image_corrupt")
    }

    @Test func `floating-point samples are refused by name`() throws {
        let error = try #require(Self.failure(try ImageFixtures.bytes("float.tif")))
        #expect(error.code == "image_unsupported")
        #expect(error.description.contains("floating-point"))
    }

    @Test(arguments: [(2, 16), (1, 32), (2, 32)])
    func `signed and 32-bit integer samples are refused by name`(format: Int, bits: Int) throws {
        let error = try #require(Self.failure(Self.greyTIFF(sampleFormat: format, bits: bits)))
        #expect(error.code == "image_unsupported")
        #expect(error.description.contains("a TIFF of signed or 32-bit integer samples"))
    }

    /// One pixel; `sampleFormat`: 1 for unsigned, 2 for signed.
    private static func greyTIFF(sampleFormat: Int, bits: Int) -> [UInt8] {
        let little = ImageBombTests.littleEndian
        let entries = [
            (256, 1), (257, 1), (258, bits), (259, 1), (262, 1), (273, 122), (277, 1), (279, bits / 8),
            (339, sampleFormat),
        ]
        let directory = entries.flatMap { little($0, 2) + little(3, 2) + little(1, 4) + little($1, 4) }
        return Array("II".utf8) + little(42, 2) + little(8, 4) + little(entries.count, 2) + directory + little(0, 4)
            + little(0, bits / 8)
    }

    @Test func `every case has its own code and a sentence that begins with the name`() {
        let all: [ImageError] = [
            .empty(name: "x"), .tooLarge(name: "x", found: "a", limit: "b", flag: "--c"),
            .unsupported(name: "x", found: "a"),
            .corrupt(name: "x", format: .png, cause: "a"), .truncated(name: "x", format: .png, cause: "a"),
            .unreadable(name: "x", cause: "a"),
        ]
        #expect(Set(all.map(\.code)).count == all.count)
        #expect(all.allSatisfy { $0.description.hasPrefix("x: ") && $0.code.hasPrefix("image_") })
    }
}
