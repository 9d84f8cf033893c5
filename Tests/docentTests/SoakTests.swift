import Foundation
import Testing

/// The memory of a server that answers the same questions again and again.
@Suite(.serialized)
struct SoakTests {
    private static let images = 48
    /// Rounds after which caches are full and every thread has its buffers.
    private static let warmUp = 3
    /// What may come and go with the moment at which it is looked at: an image of a megapixel is 3 MB.
    private static let tolerance = 16 << 20

    @Test(.timeLimit(.minutes(10)))
    func `hundreds of answers leave a server's memory as it was`() async throws {
        var residents: [Int] = []
        try await soak { resident, _ in
            residents.append(resident)
            return residents.count < 5
        }
        let growth = try #require(residents.last) - residents[0]
        #expect(growth < Self.tolerance, "\(residents)")
    }

    @Test(
        .enabled(if: ProcessInfo.processInfo.environment["DOCENT_LONG_TESTS"] != nil), .timeLimit(.minutes(60)))
    func `half an hour of answers leaves a server's memory as it was`() async throws {
        var minutes: [Int] = []
        try await soak { resident, elapsed in
            if elapsed >= .seconds(60 * minutes.count) {
                print("soak test: minute \(minutes.count), \(resident >> 10) KiB resident")
                minutes.append(resident)
            }
            return elapsed < .seconds(30 * 60)
        }
        let growth = try #require(minutes.last) - minutes[0]
        #expect(growth < Self.tolerance, "\(minutes)")
    }

    /// Has all images captioned by one server, round after round, while `goesOn` says so of its resident bytes and of the
    /// time since it was warm.
    private func soak(while goesOn: (Int, Duration) -> Bool) async throws {
        let docent = try DocentProcess(images: Self.images)
        let (server, url) = try await docent.startServer()
        defer { server.send(SIGKILL) }
        var start = ContinuousClock.now
        for round in 1... {
            let ended = try await docent.run("caption", docent.images, "--server", url, "--max-tokens", "8")
            try #require(ended.status == 0, "\(ended.errors)")
            if round == Self.warmUp { start = .now }
            guard round >= Self.warmUp else { continue }
            guard goesOn(try #require(server.residentBytes), ContinuousClock.now - start) else { return }
        }
    }
}
