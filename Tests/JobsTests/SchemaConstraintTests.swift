import GRDB
import Testing

@testable import Jobs

/// The database itself refuses what the code must never write.
struct SchemaConstraintTests {
    let workplace = Workplace()

    static let illegalRequestChanges = [
        "state = 'done'",
        "state = 'running'",
        "state = 'running', worker = 'ada', lease_expires_at = 5, started_at = 1",
        "worker = 'ada'",
        "lease_expires_at = 5",
        "state = 'succeeded', finished_at = 5",
        "state = 'succeeded', result = 'x'",
        "result = 'x'",
        "state = 'succeeded', finished_at = 5, result = 'x', failure_code = 'c', failure_message = 'm', "
            + "failure_retryable = 0",
        "state = 'failed', finished_at = 5",
        "state = 'expired', finished_at = 5",
        "state = 'failed', failure_code = 'c', failure_message = 'm', failure_retryable = 0",
        "state = 'cancelled'",
        "finished_at = 5",
        "cancel_requested = 1",
        "is_held = 2",
        "state = 'cancelled', finished_at = 5, is_held = 1",
        "attempts = 4",
        "attempts = -1",
        "max_attempts = 0",
        "crashes = -1",
        "epoch = -1",
        "priority = 5",
        "failure_code = 'c'",
        "failure_code = '', failure_message = 'm', failure_retryable = 0",
        "payload = NULL",
        "payload = x'00'",
        "run_at = 'soon'",
        "job_id = 'job_00000000000000000000000000'",
        "key = '1'",
    ]

    @Test(arguments: illegalRequestChanges)
    func `an illegal request is not written`(change: String) async throws {
        let store = try workplace.store()
        _ = try await store.submit(.bulk(), .numbered(0..<2))
        try await refuses("UPDATE request SET \(change) WHERE key = '0'", in: store)
    }

    static let illegalJobChanges = [
        "state = 'done'",
        "state = 'completed'",
        "state = 'completed', finished_at = 5",
        "state = 'cancelled', finished_at = 5",
        "state = 'failed', waiting = 0, finished_at = 5",
        "state = 'failed', waiting = 0, failed = 1, succeeded = 1, finished_at = 5",
        "state = 'completed', waiting = 0",
        "state = 'completed', waiting = 0, is_sealed = 0, finished_at = 5",
        "finished_at = 5",
        "waiting = -1",
        "is_sealed = 2",
        "priority = 3",
        "kind = ''",
        "deduplication_key = ''",
        "id = 'job_1'",
        "specification = NULL",
        "created_at = 'now'",
    ]

    @Test(arguments: illegalJobChanges)
    func `an illegal job is not written`(change: String) async throws {
        let store = try workplace.store()
        _ = try await store.submit(.bulk(), .numbered(0..<2))
        try await refuses("UPDATE job SET \(change)", in: store)
    }

    static let illegalBatchChanges = [
        "status = 'done'",
        "id = 'batch_1'",
        "resume_key = ''",
        "endpoint = ''",
        "input_blob = NULL",
        "input_blob = '\(String(repeating: "a", count: 64))'",
        "output_lifetime = 0",
        "expires_at = created_at",
        "total = 1",
        "job_id = 'job_00000000000000000000000000'",
        "model = 'm'",
        "in_progress_at = 5",
        "status = 'in_progress', in_progress_at = 5, model = 'm'",
        "status = 'finalizing', finalizing_at = 5",
        "status = 'cancelling'",
        "cancelling_at = 5",
        "status = 'failed', failed_at = 5, input_blob = NULL",
        "status = 'failed', failed_at = 5, errors = '[]'",
        "errors = '[]'",
        "status = 'expired', expired_at = 5, input_blob = NULL",
        "status = 'cancelled', cancelled_at = 5, input_blob = NULL",
        "status = 'completed', completed_at = 5, finalizing_at = 5, input_blob = NULL",
        "completed_at = 5",
        "succeeded = 1",
        "cached_tokens = 1",
        "output_file_id = 'file-1'",
    ]

    @Test(arguments: illegalBatchChanges)
    func `an illegal batch is not written`(change: String) async throws {
        let store = try workplace.store()
        let blob = try await store.blobs.put([1])
        let file = try await store.add(NewFile(blob: blob, bytes: 1, purpose: "batch", filename: "a"))
        _ = try await store.create(NewBatch(inputFile: file.id, endpoint: "/e", completionWindow: "24h"))
        try await refuses("UPDATE batch SET \(change)", in: store)
    }

    @Test(arguments: [
        "id = 'file-1'", "purpose = ''", "filename = ''", "bytes = -1", "expires_at = created_at",
        "blob_id = '\(String(repeating: "a", count: 64))'",
    ])
    func `an illegal file is not written`(change: String) async throws {
        let store = try workplace.store()
        let blob = try await store.blobs.put([1])
        _ = try await store.add(NewFile(blob: blob, bytes: 1, purpose: "batch", filename: "a"))
        try await refuses("UPDATE file SET \(change)", in: store)
    }

    @Test(arguments: [
        "INSERT INTO blob VALUES ('abc', 1, 1)",
        "INSERT INTO blob VALUES ('\(String(repeating: "G", count: 64))', 1, 1)",
        "INSERT INTO blob VALUES ('\(String(repeating: "a", count: 64))', -1, 1)",
        "INSERT INTO request_blob VALUES (1, '\(String(repeating: "a", count: 64))')",
        "INSERT INTO worker VALUES ('', 1)",
        "INSERT INTO migration VALUES (0, 'x', '', 1)",
    ])
    func `other illegal rows are not written`(statement: String) async throws {
        let store = try workplace.store()
        _ = try await store.submit(.bulk(), .numbered(0..<1))
        try await refuses(statement, in: store)
    }

    private func refuses(_ statement: String, in store: JobStore) async throws {
        await #expect(throws: JobStoreError.self) {
            try await store.queue.perform { try $0.db.execute(sql: statement) }
        }
        let integrity = try await store.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") }
        #expect(integrity == "ok")
    }
}
