import Foundation
import Models
import Testing

/// Deterministic damage to every fixture: the answer is an image or an error, never a crash.
@Suite struct ImageFuzzTests {
    /// 40 a file are 3,280 in all; DOCENT_LONG_TESTS=1 makes it fifty times as many.
    static let mutationsPerFile = ProcessInfo.processInfo.environment["DOCENT_LONG_TESTS"] == nil ? 40 : 2000
    /// A flipped bit may declare a gigantic picture; the limits keep the test small.
    static let limits = ImageLimits(maxPixels: 1 << 18, maxBytes: 1 << 20, maxSide: 4096, maxAspectRatio: 200)

    static func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: ImageFixtures.path(""))
            .filter { $0.contains(".") && !$0.hasSuffix(".json") }.sorted()
    }

    /// SplitMix64: the same damage on every run and machine.
    struct Random {
        var state: UInt64

        mutating func below(_ bound: Int) -> Int {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
            return Int((z ^ z >> 31) % UInt64(bound))
        }
    }

    static func mutated(_ original: [UInt8], _ random: inout Random) -> [UInt8] {
        var bytes = original
        switch random.below(5) {
        case 0:
            for _ in 0...random.below(8) { bytes[random.below(bytes.count)] ^= UInt8(1 << random.below(8)) }
        case 1:
            for _ in 0...random.below(4) { bytes[random.below(min(bytes.count, 128))] = UInt8(random.below(256)) }
        case 2:
            bytes.removeLast(random.below(bytes.count))
        case 3:
            let (from, to) = (random.below(bytes.count), random.below(bytes.count))
            let count = min(random.below(64) + 1, bytes.count - max(from, to))
            bytes.replaceSubrange(to..<to + count, with: original[from..<from + count])
        default:
            let at = random.below(bytes.count)
            bytes.replaceSubrange(
                at..<min(at + 4, bytes.count), with: [[0xFF, 0xFF, 0xFF, 0xFF], [0x7F, 0xFF], []][random.below(3)])
        }
        return bytes
    }

    @Test(arguments: try files())
    func `damaged files give an image or an error`(file: String) throws {
        let original = try ImageFixtures.bytes(file)
        var random = Random(state: UInt64(ImageFixtures.crc32(Array(file.utf8))))
        for _ in 0..<Self.mutationsPerFile {
            do throws(ImageError) {
                let image = try ImageDecoder.decode(Self.mutated(original, &random), limits: Self.limits, name: file)
                #expect(image.width * image.height <= Self.limits.maxPixels)
            } catch {
                #expect(error.description.hasPrefix(file) && error.description.count < 600)
            }
        }
    }
}
