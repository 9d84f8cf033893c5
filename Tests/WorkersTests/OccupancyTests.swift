import Testing

@testable import Workers

struct OccupancyTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test func `work that overlaps counts once, and gaps not at all`() {
        var occupancy = Occupancy()
        occupancy.begin(at: at(1))
        occupancy.begin(at: at(2))
        occupancy.end(at: at(3))
        occupancy.end(at: at(5))
        #expect(occupancy.total == .seconds(4))
        occupancy.begin(at: at(10))
        #expect(occupancy.total == .seconds(4))
        occupancy.end(at: at(11))
        #expect(occupancy.total == .seconds(5))
    }
}
