import Jobs
import Synchronization
import Testing

@testable import Workers

@Suite(.timeLimit(.minutes(5))) struct PixelBudgetTests {
    @Test func `who finds no room waits until enough is given back`() async throws {
        let budget = PixelBudget(bytes: 10)
        let first = try await budget.hold(8)
        let leaving = Task { _ = try await budget.hold(3) }
        leaving.cancel()
        // Ends only because it is cancelled.
        await #expect(throws: CancellationError.self) { try await leaving.value }
        let waiting = Task { try await budget.hold(7) }
        first.shrink(to: 3)
        let second = try await waiting.value
        second.shrink(to: 0)
        first.shrink(to: 0)
        first.shrink(to: 0)
        _ = try await budget.hold(10)
    }

    @Test func `more than the whole budget is had when nobody else has any`() async throws {
        let budget = PixelBudget(bytes: 10)
        let large = try await budget.hold(1000)
        let leaving = Task { _ = try await budget.hold(1) }
        leaving.cancel()
        await #expect(throws: CancellationError.self) { try await leaving.value }
        large.shrink(to: 9)
        _ = try await budget.hold(1)
    }

    @Test func `nothing is to be had at once, and a share that is forgotten comes back`() async throws {
        let budget = PixelBudget(bytes: 10)
        do {
            let all = try await budget.hold(10)
            _ = try await budget.hold(0)
            withExtendedLifetime(all) {}
        }
        _ = try await budget.hold(10)
    }

    @Test func `those behind somebody who leaves the line are served`() async throws {
        let budget = PixelBudget(bytes: 10)
        let first = try await budget.hold(6)
        let large = Task { _ = try await budget.hold(10) }
        for _ in 0..<10 { await Task.yield() }
        let small = Task { _ = try await budget.hold(4) }
        for _ in 0..<10 { await Task.yield() }
        large.cancel()
        await #expect(throws: CancellationError.self) { try await large.value }
        try await small.value
        withExtendedLifetime(first) {}
    }

    @Test func `bulk requests keep their share until they are answered their first word, then the next are prepared`()
        async throws
    {
        let gate = Gate()
        let generator = ScriptedGenerator(["one", "two"], gate: gate)
        let image = BlobSource()
        // `WordProcessor` makes images of 12 bytes.
        let workshop = try Workshop(generator, images: image) { $0.waitingPixelBytes = 12 }
        let (dispatcher, store) = (workshop.dispatcher, workshop.store)
        try await workshop.whileRunning {
            var jobs: [JobID] = []
            for name in ["a", "b"] {
                let work = ChatWork.question(name, [.file(name)])
                jobs.append(try await dispatcher.enqueue(work, kind: "caption", label: name, priority: .bulk).id)
            }
            // Neither answer has its second word: with the first of one came the place of the other.
            for await count in generator.counts where count == 2 { break }
            gate.open()
            for job in jobs { for await change in store.changes(of: job) where change.state.isFinal { break } }
        }
        #expect(generator.requests.withLock { $0.count } == 2)
    }

    /// The same small picture under every name.
    private struct BlobSource: ImageSource {
        func bytes(of reference: ImageReference) async throws -> [UInt8] { Workshop.grey }
    }
}
