import Foundation
import Models
import Synchronization
import Testing

/// libvips keeps one text of errors for the whole process; a report must still say what is wrong with its own file.
@Suite struct ImageErrorCauseTests {
    /// Damaged each in its own way. Of the first, libpng speaks in a warning only.
    static func damaged() throws -> [[UInt8]] {
        var header = try ImageFixtures.bytes("rgb.png")
        header[20] ^= 0xFF
        var pixels = try ImageFixtures.bytes("rgb.png")
        pixels[pixels.count / 2] ^= 0xFF
        let cut = try ["progressive.jpg", "lzw.tif", "lossy.webp", "plain.gif"].map { name in
            let whole = try ImageFixtures.bytes(name)
            return Array(whole.prefix(whole.count * 6 / 10))
        }
        return [header, pixels] + cut
    }

    @Test func `a file that fails beside others has the cause that it has alone`() throws {
        let files = try Self.damaged()
        let alone = try files.map { try #require(ImageErrorTests.failure($0)).cause }
        #expect(Set(alone).count == files.count, "\(alone)")
        #expect(!alone.contains { $0.contains("no reason") }, "\(alone)")
        let good = try ImageFixtures.bytes("420.jpg")
        let strange = Mutex<[String]>([])
        // Every thread goes round the files in another order, and a good one comes between.
        let threads = 8, rounds = 12
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            for round in 0..<rounds * files.count {
                let index = (thread * 5 + round) % files.count
                let cause = ImageErrorTests.failure(files[index])?.cause
                if cause != alone[index] {
                    strange.withLock { $0.append("\(alone[index]) became \(cause ?? "nothing")") }
                }
                if ImageErrorTests.failure(good) != nil { strange.withLock { $0.append("a good file failed") } }
            }
        }
        #expect(strange.withLock { $0 } == [])
    }
}
