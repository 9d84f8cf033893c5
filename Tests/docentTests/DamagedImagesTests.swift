import Foundation
import Testing

/// Damaged images by the hundred, by the command alone and by way of a server.
@Suite(.serialized, .timeLimit(.minutes(60)))
struct DamagedImagesTests {
    private static let isLong = ProcessInfo.processInfo.environment["DOCENT_LONG_TESTS"] != nil
    private static let seed = ProcessInfo.processInfo.environment["DOCENT_SEED"].flatMap { UInt64($0) } ?? 5
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../Fixtures/images"
    ).standardized

    @Test(arguments: [false, true])
    func `every damaged image has its row or its failure, and the good ones beside them their captions`(
        hasServer: Bool
    ) async throws {
        let docent = try DocentProcess(images: 4)
        let count = Self.isLong ? 2_600 : 260
        try damage(count, in: docent, seed: Self.seed + (hasServer ? 1 : 0))
        let server = hasServer ? try await docent.startServer().server : nil
        defer { server?.send(SIGKILL) }
        let ended = try await docent.run(
            "caption", docent.images, "--output", docent.path("o.jsonl"), "--max-tokens", "1")
        #expect(ended.status == 2, "\(ended.errors.suffix(500))")
        #expect(server?.isRunning ?? true)
        let rows = try lines(docent.text("o.jsonl")).map(\.path)
        let failures = try lines(docent.text("o.failures.jsonl"))
        #expect(Set(rows).count == rows.count && Set(failures.map(\.path)).count == failures.count)
        #expect(Set(rows).isDisjoint(with: failures.map(\.path)))
        #expect(rows.count + failures.count == count + 4)
        for index in 0..<4 { #expect(rows.contains(DocentProcess.name(of: index))) }
        for failure in failures { #expect(failure.code?.hasPrefix("image_") == true, "\(failure)") }
        #expect(failures.count > count / 4)
        print("damaged images: seed \(Self.seed), \(count), \(failures.count) refused, server: \(hasServer)")
    }

    private struct Line: Decodable {
        let path: String
        let code: String?
    }

    private func lines(_ text: String?) throws -> [Line] {
        try #require(text).split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }

    /// Bits flipped, ends cut off, pieces moved, fields overwritten, in a small file of every format in turn.
    private func damage(_ count: Int, in docent: DocentProcess, seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let files = try FileManager.default.contentsOfDirectory(at: Self.fixtures, includingPropertiesForKeys: nil)
            .filter { ["jpg", "png", "webp", "gif", "tif", "tiff", "bmp"].contains($0.pathExtension) }
            .sorted { $0.path < $1.path }
        for number in 0..<count {
            let file = files[number % files.count]
            var bytes = Array(try Data(contentsOf: file))
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                for _ in 0..<8 {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] ^=
                        1 << UInt8.random(in: 0..<8, using: &random)
                }
            case 1: bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
            case 2:
                let at = Int.random(in: 0..<min(bytes.count, 64), using: &random)
                bytes.replaceSubrange(at..<min(at + 4, bytes.count), with: [0xff, 0x7f, 0xff, 0xff])
            default:
                let at = Int.random(in: 0..<bytes.count, using: &random)
                bytes.removeSubrange(at..<min(at + 40, bytes.count))
                if bytes.isEmpty { bytes = [0] }
            }
            let name = "damaged-\(10_000 + number).\(file.pathExtension)"
            try Data(bytes).write(to: URL(filePath: docent.images + "/" + name))
        }
    }
}
