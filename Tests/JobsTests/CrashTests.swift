import Foundation
import GRDB
import Testing

@testable import Jobs

/// Processes that are killed at work, and what their successor finds.
struct CrashTests {
    let workplace = Workplace()

    /// Long runs are asked for by setting this variable.
    static let isLong = ProcessInfo.processInfo.environment["DOCENT_LONG_TESTS"] != nil

    @Test func `a process killed inside a transaction leaves nothing of it`() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = workplace.path as String] in
            let store = try JobStore(path: path)
            _ = try await store.submit(.bulk(key: "before"), .numbered(0..<3))
            try await store.queue.perform { transaction in
                try transaction.change("UPDATE job SET label = 'half'", [])
                try transaction.change("DELETE FROM request WHERE key = '1'", [])
                kill(getpid(), SIGKILL)
            }
        }
        #expect(JobStore.owner(of: workplace.path) == nil)
        let store = try workplace.store()
        let job = try #require(try await store.jobs(limit: 9, after: nil).first)
        #expect(job.label == "a job" && job.counts.waiting == 3)
        #expect(try await store.states(of: job.id).count == 3)
    }

    @Test func `a process killed at work loses its claims but no result`() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = workplace.path as String] in
            let store = try JobStore(path: path)
            _ = try await store.submit(.bulk(), .numbered(0..<3))
            _ = try await store.submit(.chat, .numbered(0..<1))
            let claims = try await store.claim(upTo: 3, for: .ada)
            _ = try await store.complete(claims[1], result: "kept")
            kill(getpid(), SIGKILL)
        }
        let store = try workplace.store()
        let jobs = try await store.jobs(limit: 9, after: nil)
        #expect(try await store.states(of: jobs[0].id) == ["0": .expired])
        #expect(try await store.states(of: jobs[1].id) == ["0": .succeeded, "1": .waiting, "2": .waiting])
        let rows = try await store.requests(of: jobs[1].id, limit: 9)
        #expect(rows.map(\.result) == ["kept", nil, nil] && rows.map(\.crashes) == [0, 1, 0])
    }

    @Test func `a process that exits in the middle of a migration leaves a database that opens`() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = workplace.path as String] in
            let suicide = Migration(version: 1, name: "v001-jobs.sql", sql: Migration.all[0].sql)
            let pool = try DatabaseFile.open(
                path: path, schema: Schema(path: path, migrations: []), now: SystemWallClock().now())
            try pool.writeWithoutTransaction { db in
                try db.beginTransaction(.immediate)
                try db.execute(sql: String(decoding: suicide.sql, as: UTF8.self))
                kill(getpid(), SIGKILL)
            }
        }
        let store = try workplace.store()
        _ = try await store.submit(.bulk(), .numbered(0..<1))
        #expect(try await store.statistics().waitingBulk == 1)
    }
}
