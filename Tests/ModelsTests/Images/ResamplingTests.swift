import Foundation
import Models
import Testing

/// Resized pixels against Pillow's, to the bit.
@Suite struct ResamplingTests {
    struct Golden: Decodable, Sendable, CustomTestStringConvertible {
        let source: [Int]
        let target: [Int]
        let filter: Int
        let crc32: UInt32

        var testDescription: String { "\(source) to \(target), filter \(filter)" }
    }

    static func goldens() throws -> [Golden] {
        let data = try Data(contentsOf: ImageFixtures.directory.appending(path: "resize.json"))
        return try JSONDecoder().decode([Golden].self, from: data)
    }

    /// The formula of Tests/Reference/images_resize.py.
    static func source(_ width: Int, _ height: Int) -> RGBImage {
        let pixels = (0..<width * height * 3).map { i in
            let product = UInt32(truncatingIfNeeded: i) &* 2_654_435_761
            let value = UInt8(((product >> 13 ^ product) &* 1_274_126_177) >> 24)
            return i / 24 % 3 == 0 ? (value < 128 ? 0 : 255) : value
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }

    @Test(arguments: try goldens())
    func `resizing equals Pillow to the bit`(golden: Golden) throws {
        let filter = try #require(ResampleFilter(rawValue: golden.filter))
        let resized = Self.source(golden.source[0], golden.source[1])
            .resized(width: golden.target[0], height: golden.target[1], filter: filter)
        #expect([resized.width, resized.height] == golden.target)
        #expect(ImageFixtures.crc32(resized.pixels) == golden.crc32)
    }

    @Test(arguments: [(13, 17, 17, 13), (17, 13, 13, 17), (31, 29, 64, 64), (100, 100, 10, 10), (97, 3, 11, 50)])
    func `whole Lanczos results show where a difference is`(width: Int, height: Int, toWidth: Int, toHeight: Int) throws
    {
        let path = ImageFixtures.path("resize/\(width)x\(height)-\(toWidth)x\(toHeight)-lanczos.png")
        let expected = try ImageDecoder.decode(contentsOf: path)
        let resized = Self.source(width, height).resized(width: toWidth, height: toHeight, filter: .lanczos)
        let firstDifference = zip(resized.pixels, expected.pixels).enumerated().first { $1.0 != $1.1 }
        #expect(firstDifference == nil, "sample \(firstDifference?.offset ?? 0)")
    }

    @Test(arguments: ResampleFilter.allCases)
    func `a flat image stays flat at every size`(filter: ResampleFilter) {
        let flat = RGBImage(width: 9, height: 7, pixels: [UInt8](repeating: 201, count: 9 * 7 * 3))
        for (width, height) in [(1, 1), (4, 30), (30, 4), (90, 70)] {
            let resized = flat.resized(width: width, height: height, filter: filter)
            #expect(resized.pixels.allSatisfy { $0 == 201 })
        }
    }

    @Test func `cropping takes the named rectangle`() {
        let image = Self.source(11, 8)
        let cropped = image.cropped(x: 3, y: 2, width: 5, height: 4)
        for y in 0..<4 {
            let start = 3 * ((y + 2) * 11 + 3)
            #expect(Array(cropped.pixels[15 * y..<15 * (y + 1)]) == Array(image.pixels[start..<start + 15]))
        }
        #expect(image.cropped(x: 0, y: 0, width: 11, height: 8) == image)
    }

    @Test func `a rectangle outside the image is a programming error`() async {
        await #expect(processExitsWith: .failure) {
            _ = RGBImage(width: 2, height: 2, pixels: [UInt8](repeating: 0, count: 12)).cropped(
                x: 1, y: 0, width: 2, height: 1)
        }
    }
}
