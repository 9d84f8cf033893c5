import Jobs
import Workers

/// Writes what came of a batch: one file of answers, one of errors, from committed rows only and never with all of them in
/// memory.
///
/// Neither file has a name before the row of the batch has: a process that dies meanwhile leaves nothing, and the next
/// writes the same lines again.
struct BatchOutput {
    private static let page = 256

    let store: JobStore
    let pool: BlockingPool

    /// - Parameter rest: the lines of the input that never entered the queue.
    func write(_ batch: Batch, _ job: JobID, rest: (InputLines, BatchInput)?) async throws -> BatchResult {
        var result = BatchResult()
        let answers = try await store.blobs.writer()
        let errors = try await store.blobs.writer()
        var last: RequestID?
        while case let rows = try await store.requests(of: job, after: last, limit: Self.page), !rows.isEmpty {
            let page = try await pool.run { Page(rows.map { BatchResultLine($0, of: batch) }) }
            try await answers.write(page.answers)
            try await errors.write(page.errors)
            result.add(page)
            last = rows.last?.id
        }
        if let rest {
            var lines = rest.0
            while case let envelopes = try await rest.1.next(&lines), !envelopes.isEmpty {
                let unfinished = envelopes.compactMap(\.customID).map { BatchResultLine(unfinished: $0, of: batch) }
                try await errors.write(Page(unfinished).errors)
            }
        }
        result.output = try await file(answers, of: batch, named: "output")
        result.errors = try await file(errors, of: batch, named: "error")
        return result
    }

    private func file(_ writer: BlobWriter, of batch: Batch, named kind: String) async throws -> NewFile? {
        guard writer.size > 0 else { return nil }
        let (blob, bytes) = try await writer.finish()
        return NewFile(
            blob: blob, bytes: bytes, purpose: FilePurpose.batchOutput, filename: "\(batch.id)_\(kind).jsonl",
            lifetime: batch.outputLifetime)
    }
}

/// The lines of a few rows.
private struct Page: Sendable {
    var answers: [UInt8] = []
    var errors: [UInt8] = []
    var succeeded = 0
    var failed = 0
    var usage = BatchUsage()

    init(_ lines: [BatchResultLine]) {
        for line in lines {
            let text = Array((line.json.text + "\n").utf8)
            switch line.kind {
            case .succeeded:
                answers += text
                succeeded += 1
            case .failed:
                errors += text
                failed += 1
            case .unfinished: errors += text
            }
            usage.inputTokens += line.usage.inputTokens
            usage.cachedTokens += line.usage.cachedTokens
            usage.outputTokens += line.usage.outputTokens
        }
    }
}

extension BatchResult {
    fileprivate mutating func add(_ page: Page) {
        succeeded += page.succeeded
        failed += page.failed
        usage.inputTokens += page.usage.inputTokens
        usage.cachedTokens += page.usage.cachedTokens
        usage.outputTokens += page.usage.outputTokens
    }
}
