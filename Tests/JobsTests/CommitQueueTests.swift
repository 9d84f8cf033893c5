import Dispatch
import GRDB
import Synchronization
import Testing

@testable import Jobs

/// Group commit. The writer is held in an operation while others gather, so that every count is exact.
@Suite(.timeLimit(.minutes(5)))
struct CommitQueueTests {
    let workplace = Workplace()

    /// Runs `body` while the writer is stuck in an operation; it goes on when `count` operations wait.
    private func whileWriterIsHeld<T: Sendable>(
        _ store: JobStore, until count: Int, _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        let gate = await heldWriter(of: store)
        async let result = body()
        while store.queue.backlog < count { await Task.yield() }
        gate.signal()
        return try await result
    }

    /// Returns once the writer is inside an operation that ends when the gate is opened: before that, the operation could
    /// still become one batch with those that come after it, and they would never be seen waiting.
    private func heldWriter(of store: JobStore) async -> DispatchSemaphore {
        let gate = DispatchSemaphore(value: 0)
        let (begun, signal) = AsyncStream<Void>.makeStream()
        store.queue.post { _ in
            signal.finish()
            gate.wait()
        }
        for await _ in begun {}
        return gate
    }

    @Test func `two hundred submitters share one commit`() async throws {
        let store = try workplace.store()
        let before = store.queue.commits.load(ordering: .relaxed)
        let ids = try await whileWriterIsHeld(store, until: 200) {
            try await withThrowingTaskGroup(of: JobID.self) { group in
                for _ in 0..<200 { group.addTask { try await store.submit(.bulk(), .numbered(0..<1)).0.id } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
        }
        #expect(ids.count == 200)
        // Two at most: the held operation, and those that gathered behind it.
        #expect(store.queue.commits.load(ordering: .relaxed) - before <= 2)
        let statistics = try await store.statistics()
        #expect(statistics.waitingBulk == 200 && statistics.commitTime > .zero)
    }

    @Test func `an operation that fails does not fail those that share its commit`() async throws {
        let store = try workplace.store()
        let outcomes = try await whileWriterIsHeld(store, until: 30) {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<30 {
                    group.addTask {
                        let attempts = number.isMultiple(of: 3) ? 0 : 1
                        do {
                            // The bad request comes after a good one, which must be undone with it.
                            _ = try await store.submit(
                                .bulk(), .numbered(0..<1) + .numbered(1..<2, maxAttempts: attempts))
                            return true
                        } catch { return false }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        #expect(outcomes.count { $0 } == 20)
        #expect(try await store.jobs(limit: 100, after: nil).map(\.counts.total) == Array(repeating: 2, count: 20))
    }

    @Test func `an operation whose task was cancelled is executed and answered`() async throws {
        let store = try workplace.store()
        let gate = await heldWriter(of: store)
        let task = Task { try await store.submit(.bulk(), .numbered(0..<1)) }
        while store.queue.backlog < 1 { await Task.yield() }
        task.cancel()
        gate.signal()
        let (job, _) = try await task.value
        #expect(try await store.job(job.id)?.counts.waiting == 1)
    }

    @Test func `nobody is told before the commit`() async throws {
        let store = try workplace.store()
        let reader = try workplace.database()
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<200))
        for claim in try await store.claim(upTo: 50, for: .ada) {
            _ = try await store.complete(claim, result: "x")
            let seen = try await reader.read { db in
                try String.fetchOne(
                    db, sql: "SELECT state FROM request WHERE id = ?", arguments: [claim.requestID.rawValue])
            }
            #expect(seen == "succeeded")
        }
        #expect(try await store.job(job.id)?.counts.succeeded == 50)
    }

    @Test func `a full disk refuses the write that finds no room and loses nothing`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<20))
        let claims = try await store.claim(upTo: 5, for: .ada)
        let pages = try await store.queue.perform { transaction in
            let pages = try Int.fetchOne(transaction.db, sql: "PRAGMA page_count") ?? 0
            try transaction.db.execute(sql: "PRAGMA max_page_count = \(pages)")
            return pages
        }
        #expect(pages > 0)
        let big = NewRequest(key: "big", payload: String(repeating: "x", count: 1 << 20))
        // A large and small writes in one transaction: SQLite rolls all of it back, the small ones run again alone.
        let outcomes = try await whileWriterIsHeld(store, until: 6) {
            try await withThrowingTaskGroup(of: String.self) { group in
                group.addTask {
                    do {
                        _ = try await store.submit(.bulk(), [big])
                        return "stored"
                    } catch { return "\(error)" }
                }
                for claim in claims { group.addTask { "\(try await store.complete(claim, result: "ok"))" } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        #expect(
            outcomes.sorted() == ["\(JobStoreError.diskFull(path: store.path))"]
                + Array(repeating: "recorded", count: 5))
        #expect(try await store.job(job.id)?.counts.succeeded == 5)

        try await store.queue.perform { try $0.db.execute(sql: "PRAGMA max_page_count = 1000000") }
        _ = try await store.submit(.bulk(), [big])
        #expect(try await store.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
    }

    @Test func `a closed store finishes what was begun and refuses the rest`() async throws {
        let store = try workplace.store()
        let done = try await whileWriterIsHeld(store, until: 5) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<5 { group.addTask { _ = try await store.submit(.bulk(), .numbered(0..<1)) } }
                return try await group.reduce(0) { count, _ in count + 1 }
            }
        }
        #expect(done == 5)
        try await store.close()
        try await store.close()
        await #expect(throws: JobStoreError.closed(path: store.path)) { try await store.submit(.bulk(), []) }
        #expect(try await workplace.store().statistics().waitingBulk == 5)
    }
}
