import Compute
import FoundationEssentials
import HTTPAPI
import Inference
import Jobs
import Logging
import Models
import Workers

/// Answers a batch's file with a queue, an engine and a dispatcher of this process, through the code that a server has for
/// its batches.
struct QueueBatch: Sendable {
    let store: JobStore
    let modelOptions: ModelOptions
    let imageLimits: ImageLimits
    let policy: FetchPolicy
    let tell: @Sendable (String) -> Void

    enum Outcome: Sendable {
        case answered, someFailed, nothingToDo, interrupted

        var exitStatus: Int32 {
            switch self {
            case .answered: 0
            case .interrupted: 1
            case .someFailed: 2
            case .nothingToDo: 3
            }
        }
    }

    /// How long requests that are being worked on may take once the run is interrupted; then they wait for the next run.
    private static let patience = Duration.seconds(10)
    /// The files stay in the database for those who look at it through a server.
    private static let lifetime = Duration.seconds(30 * 24 * 3600)

    func answer(_ file: String, output: String, errors: String) async throws -> Outcome {
        let backend = try modelOptions.makeBackend()
        let model = try modelOptions.load(on: backend)
        try model.requireImageLibrary()
        var configuration = ServerConfiguration()
        configuration.imageLimits = imageLimits
        configuration.fetchPolicy = policy
        let logger = Logger(label: "docent.batch")
        let processor = BatchProcessor(store: store, configuration: configuration, model: model, logger: logger)
        let input = try await store.blobs.take(fileAt: file)
        let batch = try await batch(of: file, input, for: model.card, processor)
        if batch.status.isFinal, batch.status != .failed {
            let outcome = try await export(batch, to: output, errors: errors)
            tell("All \(batch.total) requests were answered before: \(output) is written again.")
            return outcome == .answered ? .nothingToDo : outcome
        }
        guard let valid = try await processor.validate(batch.id), let job = valid.job else {
            throw CommandError.invalidBatch(path: file, faults: try await faults(of: batch.id))
        }
        tell("\(valid.total) requests, \(valid.succeeded) of them answered before.")
        try await run(valid, job, processor, model, backend, logger)
        guard let end = try await store.batch(batch.id), end.status.isFinal else {
            tell("\(valid.total) requests: interrupted. Give the same command again to go on.")
            return .interrupted
        }
        return try await export(end, to: output, errors: errors)
    }

    /// The batch that an earlier run of the same command made, ready to go on, or a new one.
    private func batch(
        of file: String, _ input: (id: BlobID, bytes: Int), for model: ModelCard, _ processor: BatchProcessor
    ) async throws -> Batch {
        let key = "\(input.id.rawValue) \(model.identity)"
        if let known = try await store.batch(resumeKey: key) {
            let isDone = known.succeeded == known.total && known.status == .completed
            let isThere = try await known.outputFile.flatMapAsync { try await store.file($0) } != nil
            if !known.status.isFinal || isDone && isThere { return known }
            if known.job != nil, let again = try await processor.reopen(known, reading: input.id) { return again }
            try await store.disownBatch(known.id)
        }
        let name = file.split(separator: "/").last.map(String.init) ?? file
        let stored = try await store.add(
            NewFile(
                blob: input.id, bytes: input.bytes, purpose: "batch", filename: name, lifetime: Self.lifetime))
        let new = NewBatch(
            inputFile: stored.id, endpoint: BatchProcessor.endpoint, completionWindow: "24h",
            outputLifetime: Self.lifetime, resumeKey: key)
        guard let batch = try await store.create(new) else { throw JobStoreError.unknownBlob(input.id) }
        return batch
    }

    private func faults(of id: BatchID) async throws -> [String] {
        guard let errors = try await store.batch(id)?.errors else { return [] }
        return BatchProcessor.sentences(of: errors)
    }

    private func run(
        _ batch: Batch, _ job: JobID, _ processor: BatchProcessor, _ model: LoadedModel, _ backend: any Backend,
        _ logger: Logger
    ) async throws {
        let engine = try Engine(model: model, backend: backend)
        var work = DispatcherConfiguration()
        work.imageLimits = imageLimits
        let local = LocalImageSource(blobs: store.blobs, maxBytes: imageLimits.maxBytes)
        let dispatcher = Dispatcher(
            store: store, model: model, generator: engine, images: RemoteImageSource(local: local, policy: policy),
            configuration: work, logger: logger)
        if try await store.job(job)?.state == .paused { _ = try await store.resume(job) }
        let result = await Interrupts.watch {
            tell("Interrupted: finishing the requests in hand. Give the same command again to go on.")
            dispatcher.drain(patience: Self.patience)
        } during: {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    await processor.tend(batch.id)
                    return true
                }
                group.addTask {
                    try await dispatcher.run(only: job)
                    return true
                }
                group.addTask {
                    await report(job, of: batch.total)
                    return false
                }
                defer { group.cancelAll() }
                while let isEnd = try await group.next(), !isEnd {}
            }
        }
        await engine.shutdown(.cancel)
        try result.get()
    }

    /// A line every other second, while something changes.
    private func report(_ job: JobID, of total: Int) async {
        var next = ContinuousClock.now + .seconds(2)
        for await job in store.changes(of: job) where ContinuousClock.now >= next {
            next = ContinuousClock.now + .seconds(2)
            tell("\(job.counts.succeeded) of \(total) requests answered, \(job.counts.failed) failed.")
        }
    }

    private func export(_ batch: Batch, to output: String, errors: String) async throws -> Outcome {
        for (id, path) in [(batch.outputFile, output), (batch.errorFile, errors)] {
            if let file = try await id.flatMapAsync({ try await store.file($0) }) {
                try await store.blobs.export(file.blob, bytes: file.bytes, to: path)
            } else if path == errors, FileManager.default.fileExists(atPath: path) {
                // Of an earlier run, whose failures are answers now.
                try FileManager.default.removeItem(atPath: path)
            }
        }
        let rest = batch.total - batch.succeeded
        tell(
            "\(batch.succeeded) of \(batch.total) requests answered"
                + (rest > 0 ? ", \(rest) failed: see \(errors)." : ", in \(output)."))
        return rest > 0 ? .someFailed : .answered
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate func flatMapAsync<Result>(_ body: (Wrapped) async throws -> Result?) async rethrows -> Result? {
        guard let self else { return nil }
        return try await body(self)
    }
}
