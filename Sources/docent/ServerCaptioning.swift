import Captioning
import FoundationEssentials
import HTTPAPI
import Jobs
import Synchronization

/// Captions by handing every image to a server, which keeps it as a row of its own queue, and asking for what came of it.
///
/// What is done is known from the outputs alone: given again, the command sends what has no caption yet. A server that is
/// restarted is waited for; it goes on with what it accepted.
struct ServerCaptioning: Sendable {
    let server: ServerClient

    /// Images that the server has at a time: enough to keep its batches full, few enough to bound the memory here.
    private static let inFlight = 16
    private static let longestPause = Duration.seconds(1)
    /// A request carries its image as base64, four bytes for three, and the prompt beside it.
    private static let largestImage = (ServerConfiguration().maxBodyBytes - (1 << 20)) / 4 * 3

    func caption(
        _ walk: Walk, _ settings: CaptionSettings, _ options: ModelOptions, _ reporter: ProgressReporter
    ) async throws -> CaptionSummary {
        let model = try await server.model(for: options)
        if options.isDeviceChosen { reporter.message("The server decides about --device and --threads.") }
        let run = try CaptionRun(walk, settings: settings, reporter: reporter, print: StandardStream.output.writeLine)
        let wanted = try await run.plan()
        let patience = Patience(url: server.base, tell: reporter.message)
        let isStopping = Atomic(false)
        let result = await Interrupts.watch {
            isStopping.store(true, ordering: .relaxed)
            reporter.message(
                "Interrupted: waiting for the images that the server has. Give the same command again to go on.")
        } during: {
            try await QueueCaptioning.showing(reporter) {
                try await withThrowingTaskGroup(of: (Int, CaptionOutcome).self) { group in
                    var rest = wanted[...]
                    func sendNext() {
                        guard !isStopping.load(ordering: .relaxed), let index = rest.popFirst() else { return }
                        let question = CaptionQuestion(of: walk.images[index], settings, model: model)
                        group.addTask { (index, try await outcome(of: question, patience)) }
                    }
                    for _ in 0..<Self.inFlight { sendNext() }
                    while let (index, outcome) = try await group.next() {
                        try await run.accept(outcome, at: index)
                        try await run.flush()
                        sendNext()
                    }
                }
            }
        }
        // Also when the server is lost: what it gave is written, what failed is reported.
        let summary = try await run.finish()
        try result.get()
        return summary
    }

    private func outcome(of question: CaptionQuestion, _ patience: Patience) async throws -> CaptionOutcome {
        let image = question.image
        guard image.byteCount <= Self.largestImage else {
            return .failed(
                code: "image_too_large",
                message: "\(image.path) has \(image.byteCount) bytes, and \(Self.largestImage) fit into a request to a "
                    + "server: make it smaller, or caption it here with another --database and without --server.")
        }
        guard let bytes = FileManager.default.contents(atPath: image.location) else {
            return .failed(code: "image_unreadable", message: "\(image.location) cannot be read.")
        }
        let body = try question.body(with: bytes)
        do {
            let accepted = try await patience.ask {
                try await server.post("/v1/chat/completions", body: body, isAsynchronous: true, as: JobView.self)
            }
            do {
                return try await finished(accepted.id, patience).outcome(bytes: bytes)
            } catch CommandError.serverAnswer(_, status: 404, _, _) {
                return .failed(code: "job_lost", message: "The server accepted it and no longer knows its job.")
            }
        } catch CommandError.serverAnswer(_, let status, let code, let message) where [400, 413, 422].contains(status) {
            return .failed(code: code ?? (status == 413 ? "image_too_large" : "refused"), message: message)
        }
    }

    /// Asks after the job, at first soon, then once a second.
    private func finished(_ id: String, _ patience: Patience) async throws -> AnsweredJob {
        var pause = Duration.milliseconds(50)
        while true {
            let job = try await patience.ask { try await server.get("/v1/jobs/\(id)", as: AnsweredJob.self) }
            if job.finishedAt != nil { return job }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, Self.longestPause)
        }
    }
}
