import Dispatch
import Foundation
import Testing

@testable import Jobs
@testable import Workers

@Suite struct DrainTests {
    @Test func `a request that is being stored when draining begins is refused and not forgotten`() async throws {
        let workshop = try Workshop(ScriptedGenerator(["never"]))
        let (dispatcher, store) = (workshop.dispatcher, workshop.store)
        let writer = DispatchSemaphore(value: 0)
        store.queue.post { _ in writer.wait() }
        async let late = dispatcher.submit(.question("late"), label: "late")
        // Who waits is noted before the row is stored, after the look at whether the dispatcher drains.
        while dispatcher.waiters.all.isEmpty { await Task.yield() }
        dispatcher.drain(patience: .zero)
        writer.signal()
        let ticket = try await late
        #expect(try await store.request(ticket.requestID)?.state == .cancelled)
        try #require(dispatcher.waiters.all.isEmpty)
        guard case .failed(.shuttingDown)? = await ticket.all().last else {
            Issue.record("it was not refused")
            return
        }
        try await store.close()
        try FileManager.default.removeItem(at: workshop.folder)
    }
}
