import Foundation
import Models
import Testing

/// Every fixture against the pixels that Pillow reads from it.
@Suite struct ImageDecoderTests {
    /// JPEG and lossy WebP are equal to the bit here (libjpeg-turbo 2.1 against 3.2, libwebp 1.2 against 1.6). AVIF goes
    /// through libheif here and libavif there, HEIC is held against the picture before it was encoded: measured 1 and 5.
    static let largestStep = ["avif": 2, "heic": 8]

    @Test(arguments: try ImageFixtures.goldens())
    func `decoding gives the pixels of Pillow`(golden: ImageFixtures.Golden) throws {
        let image = try ImageDecoder.decode(contentsOf: ImageFixtures.path(golden.file))
        #expect(image.width == golden.width && image.height == golden.height)
        guard ImageFixtures.crc32(image.pixels) != golden.crc32 else { return }
        let type = String(golden.file.split(separator: ".").last ?? "")
        let allowed = try #require(Self.largestStep[type], "\(golden.file) must be equal to the bit")
        let expected = try ImageDecoder.decode(contentsOf: ImageFixtures.path("pixels/\(golden.file).png"))
        let difference = ImageFixtures.difference(image, expected)
        #expect(difference.largest <= allowed && difference.mean <= 1, "\(golden.file): \(difference)")
    }

    @Test(arguments: try ImageFixtures.goldens())
    func `the header alone tells the size of the upright picture`(golden: ImageFixtures.Golden) throws {
        let header = try ImageDecoder.header(contentsOf: ImageFixtures.path(golden.file))
        #expect(header.width == golden.width && header.height == golden.height)
    }

    @Test(arguments: [
        ("animated.gif", ImageFormat.gif, 2), ("animated.webp", .webp, 2), ("animated.png", .png, 1),
        ("pages.tif", .tiff, 3), ("420.jpg", .jpeg, 1), ("24.bmp", .bmp, 1), ("plain.heic", .heic, 1),
        ("plain.avif", .avif, 1),
    ])
    func `the header tells format and frames`(file: String, format: ImageFormat, frames: Int) throws {
        let header = try ImageDecoder.header(try ImageFixtures.bytes(file))
        #expect(header.format == format)
        #expect(header.frames == frames)
    }

    @Test(arguments: ImageOrientation.allCases)
    func `each orientation is reported and undone`(orientation: ImageOrientation) throws {
        let header = try ImageDecoder.header(contentsOf: ImageFixtures.path("exif\(orientation.rawValue).jpg"))
        #expect(header.orientation == orientation)
        #expect((header.width < header.height) == (orientation.rawValue >= 5))
    }

    struct Sample: Decodable, Sendable {
        let file: String
        let upright_width: Int
        let upright_height: Int
    }

    @Test func `every sample that Docent ships decodes at its upright size`() throws {
        struct Expected: Decodable { let samples: [Sample] }
        let samples = ImageFixtures.directory.appending(path: "../../../jobs/samples").standardizedFileURL
        let json = try Data(contentsOf: samples.appending(path: "expected.json"))
        let expected = try JSONDecoder().decode(Expected.self, from: json).samples
        #expect(expected.count >= 12)
        for sample in expected {
            let path = samples.appending(path: sample.file).path(percentEncoded: false)
            let image = try ImageDecoder.decode(contentsOf: path)
            #expect(image.width == sample.upright_width && image.height == sample.upright_height, "\(sample.file)")
        }
    }

    @Test func `a wrong file name does not matter`() throws {
        let png = try ImageDecoder.decode(try ImageFixtures.bytes("rgb.png"), name: "holiday.jpg")
        #expect(png == (try ImageDecoder.decode(contentsOf: ImageFixtures.path("rgb.png"))))
    }

    @Test func `many threads decode at once and agree`() async throws {
        let names = ["420.jpg", "rgb16.png", "lossy.webp", "plain.gif", "lzw.tif", "rle8.bmp", "alpha.avif"]
        let alone = try names.map { try ImageDecoder.decode(contentsOf: ImageFixtures.path($0)) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for round in 0..<140 {
                let (name, expected) = (names[round % names.count], alone[round % names.count])
                group.addTask { try ImageDecoder.decode(contentsOf: ImageFixtures.path(name)) == expected }
            }
            for try await agrees in group { #expect(agrees) }
        }
    }
}
