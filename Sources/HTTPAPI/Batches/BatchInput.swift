import Jobs
import Models
import Workers

/// Reads a batch's file: lines on the threads of the disk, their JSON on a thread for long work.
struct BatchInput: Sendable {
    /// Lines in one transaction of the queue: syncing is not the cost, and work begins at once.
    private static let chunk = 256

    let store: JobStore
    let pool: BlockingPool
    let rules: ChatRules
    /// Longest line, in bytes.
    let longestLine: Int

    func lines(of batch: Batch) async throws -> InputLines {
        InputLines(try await reader(of: batch), longest: longestLine)
    }

    /// Whether it was compressed, which the API knows nothing of: it would be as many errors as it has lines.
    func isCompressed(_ batch: Batch) async throws -> Bool {
        try await reader(of: batch).bytes(at: 0, count: Self.gzip.count) == Self.gzip
    }

    /// How a gzip file begins (RFC 1952).
    private static let gzip: [UInt8] = [0x1F, 0x8B]

    private func reader(of batch: Batch) async throws -> BlobReader {
        guard let input = batch.input else { preconditionFailure("a batch that is read is not final") }
        return try await store.blobs.reader(of: input)
    }

    /// The lines after the first `count`, which are not read as JSON.
    func lines(of batch: Batch, after count: Int) async throws -> InputLines {
        var lines = try await lines(of: batch)
        var left = count
        while left > 0 {
            let skipped = try await lines.next(upTo: left)
            guard !skipped.isEmpty else { break }
            left -= skipped.count
        }
        return lines
    }

    /// The next lines' envelopes; none at the end.
    func next(_ lines: inout InputLines) async throws -> [BatchEnvelope] { try await next(&lines) { $0 } }

    /// What `read` makes of the next lines' envelopes, on the thread where they are read: their bodies may be large.
    func next<Result: Sendable>(
        _ lines: inout InputLines, _ read: @escaping @Sendable (BatchEnvelope) throws -> Result
    ) async throws -> [Result] {
        let some = try await lines.next(upTo: Self.chunk)
        guard !some.isEmpty else { return [] }
        let names = rules.modelNames
        return try await pool.run {
            try some.map { try read(BatchEnvelope($0, endpoint: BatchProcessor.endpoint, modelNames: names)) }
        }
    }
}
