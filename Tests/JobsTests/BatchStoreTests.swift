import Foundation
import GRDB
import Testing

@testable import Jobs

/// The steps of a batch, each of them a transaction.
struct BatchStoreTests {
    let workplace = Workplace()

    private func batch(_ store: JobStore, key: String? = nil, window: Duration? = .seconds(60)) async throws -> Batch {
        let blob = try await store.blobs.put(Array("lines".utf8))
        let file = try await store.add(NewFile(blob: blob, bytes: 5, purpose: "batch", filename: "a.jsonl"))
        let new = NewBatch(
            inputFile: file.id, endpoint: "/e", completionWindow: "24h", window: window, metadata: "{}", resumeKey: key)
        return try #require(try await store.create(new))
    }

    private func begun(_ store: JobStore, _ batch: Batch, total: Int = 3) async throws -> Batch {
        let job = NewJob(kind: "batch", label: "b", model: "m", deduplicationKey: batch.id.rawValue)
        return try #require(try await store.beginBatch(batch.id, job: job, model: "scripted", total: total))
    }

    private func line(_ key: String) -> BatchLine { .request(NewRequest(key: key, payload: "{}")) }

    private let refused = BatchLine.refused(
        key: "bad", payload: "why", RequestFailure(code: "refused", message: "no", isRetryable: false))

    @Test func `a batch goes from validating to completed, and its counters are its job's until it ends`() async throws
    {
        let store = try workplace.store()
        var batch = try await batch(store)
        #expect(batch.status == .validating && batch.total == 0 && batch.expiresAt == batch.createdAt + .seconds(60))
        batch = try await begun(store, batch)
        let job = try #require(batch.job)
        #expect(batch.status == .inProgress && batch.model == "scripted" && batch.moments.inProgress != nil)
        try await store.append([line("a"), refused, line("b")], to: job)
        try await store.append([line("a"), refused], to: job)
        try await store.seal(job)
        #expect(try await store.requests(of: job, limit: 9).map(\.key) == ["a", "bad", "b"])
        let claim = try await store.claim(upTo: 1, for: .ada)[0]
        _ = try await store.complete(claim, result: "yes")
        batch = try #require(try await store.batch(batch.id))
        #expect((batch.total, batch.succeeded, batch.failed) == (3, 1, 1))
        try await Invariants.check(store)

        #expect(try await store.endBatch(batch.id, with: BatchResult())?.status == .inProgress)
        #expect(try await store.finalizeBatch(batch.id)?.status == .finalizing)
        var result = BatchResult()
        (result.succeeded, result.failed) = (2, 1)
        result.usage = BatchUsage(inputTokens: 10, cachedTokens: 4, outputTokens: 6)
        let blob = try await store.blobs.put(Array("answers".utf8))
        result.output = NewFile(blob: blob, bytes: 7, purpose: "batch_output", filename: "o.jsonl")
        batch = try #require(try await store.endBatch(batch.id, with: result))
        #expect(batch.status == .completed && batch.input == nil && batch.usage == result.usage)
        #expect((batch.succeeded, batch.failed) == (2, 1) && batch.errorFile == nil)
        let output = try #require(batch.outputFile)
        #expect(try await store.file(output)?.filename == "o.jsonl")
        // A second end makes no second file.
        #expect(try await store.endBatch(batch.id, with: result) == batch)
        #expect(try await store.files(purpose: "batch_output", limit: 9).count == 1)
        #expect(try await store.cancelBatch(batch.id)?.status == .completed)
        #expect(try await store.unfinishedBatches().isEmpty)
    }

    @Test func `a batch that was cancelled while it was validated begins nothing`() async throws {
        let store = try workplace.store()
        let batch = try await batch(store)
        #expect(try await store.cancelBatch(batch.id)?.status == .cancelling)
        #expect(try await begun(store, batch).job == nil)
        #expect(try await store.failBatch(batch.id, errors: "[]")?.status == .cancelling)
        #expect(try await store.jobs(limit: 9).isEmpty)
        #expect(try await store.endBatch(batch.id, with: BatchResult())?.status == .cancelled)
        #expect(try await store.batch(batch.id)?.moments.cancelled != nil)
    }

    @Test func `a batch whose window closed is in progress until it is expired`() async throws {
        let store = try workplace.store()
        var batch = try await begun(store, batch(store))
        batch = try #require(try await store.noteOverdue(batch.id))
        #expect(batch.isOverdue && batch.status == .inProgress)
        #expect(try await store.finalizeBatch(batch.id)?.status == .inProgress)
        batch = try #require(try await store.endBatch(batch.id, with: BatchResult()))
        #expect(batch.status == .expired && batch.moments.expired != nil)
    }

    @Test func `an invalid batch fails with its errors, and lets go of its input`() async throws {
        let store = try workplace.store()
        let made = try await batch(store)
        let failed = try #require(try await store.failBatch(made.id, errors: "[1]"))
        #expect(failed.status == .failed && failed.errors == "[1]" && failed.moments.failed != nil)
        #expect(try await begun(store, made) == failed)
    }

    @Test func `the bytes of a batch stay until it is final, even when its file is deleted`() async throws {
        let store = try workplace.store()
        let batch = try await begun(store, batch(store))
        #expect(try await store.removeFile(batch.inputFile))
        workplace.clock.advance(by: .seconds(7200))
        _ = try await store.prune(finishedBefore: workplace.clock.now())
        let input = try #require(batch.input)
        #expect(try await store.blobs.bytes(of: input) == Array("lines".utf8))
        _ = try await store.cancelBatch(batch.id)
        _ = try await store.endBatch(batch.id, with: BatchResult())
        _ = try await store.prune(finishedBefore: workplace.clock.now())
        await #expect(throws: JobStoreError.unknownBlob(input)) { try await store.blobs.bytes(of: input) }
    }

    @Test func `a job is kept until its batch has written its output, and forgotten after that`() async throws {
        let store = try workplace.store()
        let batch = try await begun(store, batch(store))
        let job = try #require(batch.job)
        try await store.append([refused], to: job)
        try await store.seal(job)
        workplace.clock.advance(by: .seconds(100))
        #expect(try await store.prune(finishedBefore: workplace.clock.now()) == 0)
        _ = try await store.finalizeBatch(batch.id)
        #expect(try await store.prune(finishedBefore: workplace.clock.now()) == 0)
        var result = BatchResult()
        result.failed = 1
        _ = try await store.endBatch(batch.id, with: result)
        #expect(try await store.prune(finishedBefore: workplace.clock.now()) == 1)
        let left = try #require(try await store.batch(batch.id))
        #expect(left.job == nil && left.status == .completed && left.failed == 1)
    }

    @Test func `where a batch stands survives a restart in every status`() async throws {
        var store = try workplace.store()
        let made = try await batch(store, key: "k")
        func reopened() async throws -> Batch? {
            try await store.close()
            store = try workplace.store()
            return try await store.batch(made.id)
        }
        #expect(try await reopened() == made)
        let begun = try await begun(store, made)
        try await store.append([line("a")], to: try #require(begun.job))
        #expect(try await reopened() == begun)
        let cancelling = try await store.cancelBatch(made.id)
        #expect(try await reopened() == cancelling)
        _ = try await store.cancel(try #require(begun.job))
        let ended = try await store.endBatch(made.id, with: BatchResult())
        #expect(try await reopened() == ended)
        #expect(try await store.batch(resumeKey: "k") == ended)
        #expect(try await store.unfinishedBatches().isEmpty)
    }

    @Test func `a batch that has ended can run again, without its old files`() async throws {
        let store = try workplace.store()
        let batch = try await begun(store, batch(store, key: "k"), total: 1)
        let job = try #require(batch.job)
        try await store.append([line("a")], to: job)
        _ = try await store.cancelBatch(batch.id)
        _ = try await store.cancel(job)
        let input = try #require(batch.input)
        var result = BatchResult()
        result.errors = NewFile(blob: input, bytes: 5, purpose: "batch_output", filename: "e.jsonl")
        _ = try await store.endBatch(batch.id, with: result)
        let again = try #require(try await store.reopenBatch(batch.id, reading: input))
        #expect(again.status == .inProgress && again.moments.cancelled == nil && again.errorFile == nil)
        #expect(try await store.files(purpose: "batch_output", limit: 9).isEmpty)
        #expect(try await store.unfinishedBatches() == [batch.id])
        try await store.disownBatch(batch.id)
        #expect(try await store.batch(resumeKey: "k") == nil)
    }

    @Test func `batches are listed newest first, page by page`() async throws {
        let store = try workplace.store()
        var made: [BatchID] = []
        for _ in 0..<7 { made.append(try await batch(store).id) }
        var seen: [BatchID] = []
        while case let page = try await store.batches(limit: 3, after: seen.last), !page.isEmpty {
            seen += page.map(\.id)
        }
        #expect(seen == made.reversed())
        #expect(try await store.unfinishedBatches() == made)
    }
}
