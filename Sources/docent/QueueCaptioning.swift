import Captioning
import Inference
import Jobs
import Logging
import Models
import Workers

/// Captions with a queue, an engine and a dispatcher of this process.
struct QueueCaptioning {
    let store: JobStore
    let modelOptions: ModelOptions
    let imageLimits: ImageLimits
    /// Whether to tell at the end where the time went.
    let tellsTimings: Bool

    /// How long images that are being worked on may take once the run is interrupted; then they wait for the next run.
    private static let patience = Duration.seconds(10)

    func caption(_ walk: Walk, _ settings: CaptionSettings, _ reporter: ProgressReporter) async throws -> CaptionSummary
    {
        let backend = try modelOptions.makeBackend()
        let model = try modelOptions.load(on: backend)
        guard model.processor.takesImages else { throw ModelError.takesNoImages(model: model.card.name) }
        try model.requireImageLibrary()
        // Only now, so that a model that cannot be loaded costs no output anything.
        let run = try CaptionRun(walk, settings: settings, reporter: reporter, print: StandardStream.output.writeLine)
        let engine = try Engine(model: model, backend: backend)
        var configuration = DispatcherConfiguration()
        configuration.imageLimits = imageLimits
        let dispatcher = Dispatcher(
            store: store, model: model, generator: engine,
            images: LocalImageSource(blobs: store.blobs, maxBytes: imageLimits.maxBytes),
            configuration: configuration, logger: Logger(label: "docent.dispatcher"))
        let job = CaptionJob(store: store, run: run, model: model.card)
        let start = Usage.now
        let result = await Interrupts.watch {
            reporter.message("Interrupted: finishing the images in hand. Give the same command again to go on.")
            dispatcher.drain(patience: Self.patience)
        } during: {
            try await Self.showing(reporter) { try await job.perform { try await dispatcher.run(only: $0) } }
        }
        await engine.shutdown(.cancel)
        try result.get()
        let summary = try await run.finish()
        if tellsTimings {
            let timings = CaptionTimings(
                images: dispatcher.statistics, engine: engine.metrics, queue: try await store.statistics(),
                writing: await run.writingTime, used: Usage.now - start)
            reporter.tell(timings.table, event: timings)
        }
        return summary
    }

    /// Runs `work` with the progress on display.
    static func showing(_ reporter: ProgressReporter, _ work: @escaping @Sendable () async throws -> Void) async throws
    {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                await reporter.run()
                return false
            }
            group.addTask {
                try await work()
                return true
            }
            defer { group.cancelAll() }
            while let isDone = try await group.next(), !isDone {}
        }
    }
}
