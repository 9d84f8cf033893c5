import Synchronization
import Testing

@testable import Workers

/// Counts those who are inside.
private final class Crowd: Sendable {
    let counts = Mutex((inside: 0, most: 0, gone: 0))

    func enter() {
        counts.withLock {
            $0.inside += 1
            $0.most = max($0.most, $0.inside)
        }
    }

    func leave() {
        counts.withLock {
            $0.inside -= 1
            $0.gone += 1
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct SlotsTests {
    @Test func `no more than the slots run at once, and each gets its turn`() async throws {
        let slots = Slots(3), crowd = Crowd()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await slots.withSlot {
                        crowd.enter()
                        await Task.yield()
                        crowd.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(crowd.counts.withLock { $0.most <= 3 && $0.gone == 50 })
    }

    @Test func `who is cancelled leaves the line, and the slot goes to the next`() async throws {
        let slots = Slots(1)
        let next = try await slots.withSlot {
            let leaving = Task { try await slots.withSlot { Issue.record("a cancelled waiter was served") } }
            leaving.cancel()
            // Ends although the slot is taken.
            await #expect(throws: CancellationError.self) { try await leaving.value }
            return Task { try await slots.withSlot { "served" } }
        }
        #expect(try await next.value == "served")
    }

    @Test func `a slot comes back from work that fails`() async throws {
        struct Mishap: Error {}
        let slots = Slots(1)
        await #expect(throws: Mishap.self) { try await slots.withSlot { throw Mishap() } }
        #expect(try await slots.withSlot { 1 } == 1)
    }
}
