import Foundation
import Models
import Testing

/// The files under Tests/Fixtures/images and what Pillow reads from them.
enum ImageFixtures {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Fixtures/images").standardizedFileURL

    struct Golden: Decodable, Sendable, CustomTestStringConvertible {
        let file: String
        let width: Int
        let height: Int
        let crc32: UInt32
        let lossy: Bool

        var testDescription: String { file }
    }

    static func goldens() throws -> [Golden] {
        let data = try Data(contentsOf: directory.appending(path: "goldens.json"))
        return try JSONDecoder().decode([Golden].self, from: data)
    }

    static func path(_ name: String) -> String { directory.appending(path: name).path(percentEncoded: false) }

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: directory.appending(path: name)))
    }

    /// CRC-32 as zlib and PNG compute it.
    static func crc32(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { crc, byte in crc >> 8 ^ crcTable[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
    }

    private static let crcTable: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }

    /// The largest and the mean difference of any sample, in 8-bit steps.
    static func difference(_ a: RGBImage, _ b: RGBImage) -> (largest: Int, mean: Double) {
        let steps = zip(a.pixels, b.pixels).map { abs(Int($0) - Int($1)) }
        return (steps.max() ?? 0, Double(steps.reduce(0, +)) / Double(max(steps.count, 1)))
    }
}
