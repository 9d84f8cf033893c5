import GRDB
import Synchronization
import Testing

@testable import Jobs

struct DatabaseSettingsTests {
    let workplace = Workplace()

    @Test(arguments: [
        ("synchronous", "2"), ("journal_mode", "wal"), ("foreign_keys", "1"), ("auto_vacuum", "2"),
        ("application_id", "\(0x446f_6374)"), ("user_version", "2"), ("busy_timeout", "5000"), ("trusted_schema", "0"),
        ("cell_size_check", "1"), ("wal_autocheckpoint", "1000"), ("query_only", "0"),
    ])
    func `the writer is set up to lose nothing`(pragma: String, expected: String) async throws {
        let store = try workplace.store()
        let value = try await store.queue.perform { try String.fetchOne($0.db, sql: "PRAGMA \(pragma)") }
        #expect(value == expected)
    }

    @Test(arguments: [
        ("query_only", "1"), ("wal_autocheckpoint", "0"), ("foreign_keys", "1"), ("busy_timeout", "10000"),
    ])
    func `readers neither write nor checkpoint`(pragma: String, expected: String) async throws {
        let store = try workplace.store()
        let value = try await store.read { try String.fetchOne($0, sql: "PRAGMA \(pragma)") }
        #expect(value == expected)
        await #expect(throws: JobStoreError.self) {
            try await store.read { try $0.execute(sql: "DELETE FROM job") }
        }
    }

    /// An index that is not used costs 60 times the throughput on a long backlog (goqite's published figures).
    @Test func `no statement of the writer walks a whole table or sorts`() async throws {
        let store = try workplace.store()
        let statements = Mutex<Set<String>>([])
        try await store.queue.perform { transaction in
            transaction.db.trace { event in
                // Triggers and foreign key actions are reported as comments.
                let sql = event.description
                if ["SELECT", "UPDATE", "DELETE"].contains(where: sql.hasPrefix) {
                    statements.withLock { _ = $0.insert(sql) }
                }
            }
        }
        try await exercise(store)
        let seen = statements.withLock { $0 }
        #expect(seen.count > 20)
        for sql in seen {
            for step in try await plan(of: sql, in: store) {
                let walks = step.hasPrefix("SCAN") && !step.contains("INDEX")
                #expect(!walks && !step.contains("TEMP B-TREE"), "\(sql): \(step)")
            }
        }
    }

    @Test(arguments: [
        (
            "SELECT id, crashes FROM request WHERE \(ClaimScope.model("m").isReady) AND priority = 10 AND run_at <= 9 "
                + "ORDER BY run_at, id LIMIT 5",
            "SEARCH request USING INDEX request_ready_for_model (model=? AND priority=? AND run_at<?)"
        ),
        (
            "SELECT id, crashes FROM request WHERE \(ClaimScope.job(JobID(rawValue: "j")).isReady) AND priority = 10 "
                + "AND run_at <= 9 ORDER BY run_at, id LIMIT 5",
            "SEARCH request USING INDEX request_ready_in_job (job_id=? AND priority=? AND run_at<?)"
        ),
        (
            "SELECT min(run_at) FROM request WHERE \(ClaimScope.model("m").isReady) AND priority = 10",
            "SEARCH request USING INDEX request_ready_for_model (model=? AND priority=?)"
        ),
        (
            "SELECT id FROM request WHERE job_id = 'j' AND state = 'failed' AND id > 7 ORDER BY id LIMIT 5",
            "SEARCH request USING COVERING INDEX request_by_state (job_id=? AND state=? AND id>?)"
        ),
    ])
    func `claims and pages are read off an index in order`(query: String, expected: String) async throws {
        let store = try workplace.store()
        #expect(try await plan(of: query, in: store) == [expected])
    }

    private func plan(of sql: String, in store: JobStore) async throws -> [String] {
        try await store.read { db in
            // The plan is made before anything is bound.
            let statement = try db.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
            statement.setUncheckedArguments([])
            return try Row.fetchAll(statement).map { $0["detail"] as String }
        }
    }

    /// Every operation of the writer once.
    private func exercise(_ store: JobStore) async throws {
        let (job, ids) = try await store.submit(.bulk(key: "k"), .numbered(0..<6))
        let claims = try await store.claim(upTo: 4, for: .ada)
        _ = try await store.renew(claims)
        _ = try await store.complete(claims[0], result: "")
        _ = try await store.fail(claims[1], .transient)
        try await store.release([claims[2]])
        workplace.clock.advance(by: .seconds(61))
        try await store.rescueExpiredLeases()
        _ = try await store.pause(job.id)
        _ = try await store.resume(job.id)
        try await store.cancel(ids[4])
        _ = try await store.cancel(job.id)
        _ = try await store.retry(job.id)
        _ = try await store.openJob(.bulk(key: "k"))
        _ = try await store.append(.numbered(0..<7), to: job.id)
        try await store.seal(job.id)
        _ = try await store.cancel(job.id)
        let blob = try await store.blobs.put([1])
        try await exerciseBatches(of: blob, store)
        workplace.clock.advance(by: .seconds(10_000))
        #expect(try await store.prune(finishedBefore: workplace.clock.now()) == 2)
    }

    private func exerciseBatches(of blob: BlobID, _ store: JobStore) async throws {
        let new = NewFile(blob: blob, bytes: 1, purpose: "batch", filename: "a", lifetime: .seconds(60))
        let file = try await store.add(new)
        let batch = NewBatch(inputFile: file.id, endpoint: "/e", completionWindow: "24h", resumeKey: "k")
        var ids: [BatchID] = []
        for _ in 0..<2 {
            ids.append(try #require(try await store.create(batch)).id)
            try await store.disownBatch(ids[ids.count - 1])
        }
        _ = try await store.failBatch(ids[0], errors: "[]")
        let begun = try await store.beginBatch(ids[1], job: .bulk(key: "b"), model: "m", total: 1)
        let job = try #require(begun?.job)
        let failure = RequestFailure(code: "refused", message: "no", isRetryable: false)
        try await store.append([.refused(key: "a", payload: "", failure)], to: job)
        try await store.seal(job)
        for _ in 0..<2 {
            _ = try await store.finalizeBatch(ids[1])
            var result = BatchResult()
            (result.failed, result.errors) = (1, new)
            #expect(try await store.endBatch(ids[1], with: result)?.status == .completed)
            if ids.count == 2 { ids.append(try #require(try await store.reopenBatch(ids[1], reading: blob)).id) }
        }
        _ = try await store.noteOverdue(ids[1])
        _ = try await store.cancelBatch(ids[1])
        #expect(try await store.removeFile(file.id))
    }
}
