import Foundation
import GRDB
import Testing

@testable import Jobs

struct MigrationTests {
    let workplace = Workplace()
    let next = Migration(version: 3, name: "v003-more.sql", sql: Array("CREATE TABLE more (x INTEGER) STRICT".utf8))

    private func open(_ migrations: [Migration]) throws -> JobStore {
        try JobStore(path: workplace.path, configuration: .init(), clock: workplace.clock, migrations: migrations)
    }

    @Test func `an old database is brought to the newest schema and keeps its rows`() async throws {
        let old = try open(Migration.all)
        let (job, _) = try await old.submit(.bulk(), .numbered(0..<3))
        try await old.close()

        let new = try open(Migration.all + [next])
        #expect(try await new.job(job.id)?.counts.waiting == 3)
        let versions = try await new.read { db in
            try Row.fetchAll(db, sql: "SELECT version, name, sha256 FROM migration ORDER BY version")
                .map { "\($0["version"] as Int) \($0["name"] as String) \($0["sha256"] as String)" }
        }
        #expect(versions == (Migration.all + [next]).map { "\($0.version) \($0.name) \($0.sha256)" })
        try await new.close()
    }

    @Test func `a database from before there were files and batches takes them, and keeps its jobs and blobs`()
        async throws
    {
        let old = try open(Array(Migration.all.prefix(1)))
        let blob = try await old.blobs.put([1, 2, 3])
        let (job, _) = try await old.submit(.bulk(), [NewRequest(key: "a", payload: "{}", blobs: [blob])])
        try await old.close()

        let new = try workplace.store()
        #expect(try await new.job(job.id)?.counts.waiting == 1)
        let file = try await new.add(NewFile(blob: blob, bytes: 3, purpose: "batch", filename: "a.jsonl"))
        let batch = try await new.create(NewBatch(inputFile: file.id, endpoint: "/e", completionWindow: "24h"))
        #expect(batch?.status == .validating && batch?.input == blob)
        try await Invariants.check(new)
        try await new.close()
    }

    /// Both files as a kill leaves them while the first pages of a new database are written: pages in the file, and a journal that
    /// says there were none.
    private func cutOffCreation() throws {
        let writing = workplace.directory + "/writing.sqlite"
        let queue = try DatabaseQueue(path: writing)
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA cache_size = 2; BEGIN; CREATE TABLE early (x BLOB)")
            for _ in 0..<40 { try db.execute(sql: "INSERT INTO early VALUES (randomblob(3000))") }
            for suffix in ["", "-journal"] {
                try FileManager.default.copyItem(atPath: writing + suffix, toPath: workplace.path + suffix)
            }
            try db.execute(sql: "ROLLBACK")
        }
        try queue.close()
    }

    @Test func `a database whose maker was killed is made anew`() async throws {
        try cutOffCreation()
        #expect(throws: DatabaseError.self) { try DatabaseQueue(path: workplace.path, configuration: .readOnly) }
        let store = try open(Migration.all)
        #expect(try await store.submit(.bulk(), .numbered(0..<3)).1.count == 3)
        try await store.close()
    }

    @Test func `a newer schema is refused`() async throws {
        try await open(Migration.all + [next]).close()
        #expect(throws: JobStoreError.newerSchema(path: workplace.path, found: 3, known: 2)) { try open(Migration.all) }
    }

    @Test func `a migration that was edited after it ran is refused`() async throws {
        try await open(Migration.all + [next]).close()
        let edited = Migration(version: 3, name: next.name, sql: next.sql + Array(" -- innocent".utf8))
        let error = JobStoreError.changedMigration(
            path: workplace.path, name: next.name, recorded: next.sha256, found: edited.sha256)
        #expect(throws: error) { try open(Migration.all + [edited]) }
    }

    @Test func `a migration that fails leaves the schema before it`() async throws {
        try await open(Migration.all).close()
        let broken = Migration(
            version: 3, name: "v003-broken.sql", sql: Array("CREATE TABLE a (x); CREATE TABLE a (x);".utf8))
        #expect(throws: JobStoreError.self) { try open(Migration.all + [broken]) }
        let store = try open(Migration.all)
        let left = try await store.read {
            try String.fetchOne($0, sql: "SELECT name FROM sqlite_schema WHERE name = 'a'")
        }
        #expect(left == nil)
    }

    @Test func `the released migrations have not been edited`() {
        #expect(
            Migration.all.map(\.sha256) == [
                "f8122d2d643fd0eb921a54edd397678954528af676bb15ad282457df7d37db91",
                "7e2aaf2ab6b2a5f3e6a80812b3baa7784e1dc5749b852b1f335dfdf8e7a39a09",
            ])
    }
}

extension Configuration {
    fileprivate static var readOnly: Configuration {
        var configuration = Configuration()
        configuration.readonly = true
        return configuration
    }
}
