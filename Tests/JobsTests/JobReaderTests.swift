import Foundation
import GRDB
import Testing

@testable import Jobs

/// Looking at a database that somebody else owns, or nobody.
struct JobReaderTests {
    let workplace = Workplace()

    @Test func `a reader beside the owner sees every commit`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<3))
        let reader = try JobReader(path: workplace.path)
        #expect(reader.owner?.pid == getpid())
        #expect(try await reader.jobs(limit: 9).map(\.id) == [job.id])
        let claims = try await store.claim(upTo: 2, for: .ada)
        #expect(try await reader.job(job.id)?.counts.running == 2)
        _ = try await store.fail(claims[0], .permanent)
        let failed = try await reader.requests(of: job.id, state: .failed, limit: 9)
        #expect(failed.map(\.failure) == [.permanent])
        #expect(try await reader.job(JobID(rawValue: "job_none")) == nil)
        try await store.close()
        #expect(reader.owner == nil)
        #expect(try await reader.job(job.id)?.counts.waiting == 1)
        try await workplace.store().close()
    }

    /// What kill -9 leaves: commits that are in the write-ahead log only.
    @Test func `a reader of a killed owner's database sees the log and leaves it where it is`() async throws {
        let store = try workplace.store()
        let (job, _) = try await store.submit(.bulk(), .numbered(0..<200))
        let left = workplace.directory + "/left.sqlite"
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: workplace.path + suffix, toPath: left + suffix)
        }
        let before = try ["", "-wal"].map { try Data(contentsOf: URL(filePath: left + $0)) }
        do {
            let reader = try JobReader(path: left)
            #expect(reader.owner == nil)
            #expect(try await reader.job(job.id)?.counts.waiting == 200)
        }
        #expect(try ["", "-wal"].map { try Data(contentsOf: URL(filePath: left + $0)) } == before)
        #expect(!FileManager.default.fileExists(atPath: DatabaseLock.path(for: left)))
        #expect(try await JobStore(path: left, clock: workplace.clock).job(job.id)?.counts.waiting == 200)
    }

    @Test(arguments: [("query_only", "1"), ("wal_autocheckpoint", "0")])
    func `a reader can neither write nor checkpoint`(pragma: String, expected: String) async throws {
        let store = try workplace.store()
        _ = try await store.submit(.bulk(), .numbered(0..<3))
        let reader = try JobReader(path: workplace.path)
        #expect(try await reader.connection.read { try String.fetchOne($0, sql: "PRAGMA \(pragma)") } == expected)
        await #expect(throws: DatabaseError.self) {
            try await reader.connection.read { try $0.execute(sql: "PRAGMA wal_checkpoint") }
        }
        #expect(try await store.statistics().waitingBulk == 3)
    }

    @Test func `a database that is not there is not made`() throws {
        #expect(throws: JobStoreError.noDatabase(path: workplace.path)) { try JobReader(path: workplace.path) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: workplace.directory) == [])
    }

    @Test func `a database that would have to be changed first is refused`() throws {
        try Data().write(to: URL(filePath: workplace.path))
        #expect(throws: JobStoreError.olderSchema(path: workplace.path, found: 0, known: 2)) {
            try JobReader(path: workplace.path)
        }
        try workplace.database().write { try $0.execute(sql: "CREATE TABLE holiday (photo TEXT)") }
        let error = #expect(throws: JobStoreError.self) { try JobReader(path: workplace.path) }
        guard case .foreignDatabase? = error else { return #expect(Bool(false), "\(String(describing: error))") }
    }
}
