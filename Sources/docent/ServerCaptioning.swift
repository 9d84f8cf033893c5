import Captioning
import Crypto
import FoundationEssentials
import Inference
import Models
import Synchronization

/// Captions by handing every image to a server, which keeps it as a row of its own queue, and asking for what came of it.
///
/// What is done is known from the outputs alone: given again, the command sends what has no caption yet.
struct ServerCaptioning: Sendable {
    let server: ServerClient

    /// Images that the server has at a time: enough to keep its batches full, few enough to bound the memory here.
    private static let inFlight = 16
    private static let longestPause = Duration.seconds(1)

    func caption(_ walk: Walk, _ settings: CaptionSettings, _ reporter: ProgressReporter) async throws -> CaptionSummary
    {
        guard let model = try await server.get("/v1/models", as: ServerList<ModelName>.self).data.first?.id else {
            throw CommandError.unreadableAnswer(url: server.base + "/v1/models", reason: "it lists no model")
        }
        if settings.recipe.maxTiles != nil {
            reporter.message("The server decides how many tiles an image is cut into.")
        }
        let run = try CaptionRun(walk, settings: settings, reporter: reporter, print: StandardStream.output.writeLine)
        let wanted = try await run.plan()
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
                        group.addTask { (index, try await outcome(of: walk.images[index], settings, model: model)) }
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
        try result.get()
        return try await run.finish()
    }

    private func outcome(
        of image: FoundImage, _ settings: CaptionSettings, model: String
    ) async throws -> CaptionOutcome {
        guard let bytes = FileManager.default.contents(atPath: image.location) else {
            return .failed(code: "image_unreadable", message: "\(image.location) cannot be read.")
        }
        let body = try JSONEncoder().encode(ChatBody(bytes, of: image, settings, model: model))
        do {
            let accepted = try await server.post(
                "/v1/chat/completions", body: Array(body), isAsynchronous: true, as: JobView.self)
            return try await finished(accepted.id).outcome(bytes: bytes)
        } catch CommandError.serverAnswer(_, let status, _, let message) where [400, 413, 422].contains(status) {
            return .failed(code: "refused", message: message)
        }
    }

    /// Asks after the job, at first soon, then once a second.
    private func finished(_ id: String) async throws -> AnsweredJob {
        var pause = Duration.milliseconds(50)
        while true {
            let job = try await server.get("/v1/jobs/\(id)", as: AnsweredJob.self)
            if job.finishedAt != nil { return job }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, Self.longestPause)
        }
    }
}

private struct ModelName: Decodable, Sendable {
    let id: String
}

/// The chat completion that asks for a caption.
private struct ChatBody: Encodable {
    let model: String
    let messages: [Message]
    let temperature, top_p, min_p, repetition_penalty: Float
    let top_k: Int
    let seed: UInt64?
    let stop: [String]
    let max_tokens: Int?

    init(_ bytes: Data, of image: FoundImage, _ settings: CaptionSettings, model: String) {
        let (recipe, sampling) = (settings.recipe, settings.recipe.sampling)
        self.model = model
        let url = "data:application/octet-stream;base64," + bytes.base64EncodedString()
        let question = Message(
            role: "user",
            content: [
                Part(type: "image_url", text: nil, image_url: .init(url: url)),
                Part(type: "text", text: recipe.prompt.text(for: image.path), image_url: nil),
            ])
        let system = recipe.system.map {
            Message(role: "system", content: [Part(type: "text", text: $0, image_url: nil)])
        }
        messages = (system.map { [$0] } ?? []) + [question]
        temperature = sampling.temperature
        top_p = sampling.topP
        min_p = sampling.minP
        top_k = sampling.topK
        repetition_penalty = sampling.repetitionPenalty
        seed = sampling.seed
        stop = sampling.stop
        max_tokens = sampling.maxTokens
    }

    struct Message: Encodable {
        let role: String
        let content: [Part]
    }

    struct Part: Encodable {
        let type: String
        let text: String?
        let image_url: ImageURL?
    }

    struct ImageURL: Encodable {
        let url: String
    }
}

/// A job of one request with its answer.
private struct AnsweredJob: Decodable, Sendable {
    let id: String
    let status: String
    let finishedAt: Int?
    let response: Completion?
    let error: Problem?

    enum CodingKeys: String, CodingKey {
        case id, status, response, error
        case finishedAt = "finished_at"
    }

    struct Completion: Decodable, Sendable {
        let model: String
        let choices: [Choice]
        let usage: Usage
    }

    struct Choice: Decodable, Sendable {
        let message: Message
        let finish_reason: String
    }

    struct Message: Decodable, Sendable {
        let content: String
    }

    struct Usage: Decodable, Sendable {
        let prompt_tokens, completion_tokens: Int
    }

    struct Problem: Decodable, Sendable {
        let message: String
        let type: String
    }

    func outcome(bytes: Data) -> CaptionOutcome {
        guard let response, let choice = response.choices.first else {
            return .failed(code: error?.type ?? status, message: error?.message ?? "The job \(id) is \(status).")
        }
        return .answered(
            CaptionAnswer(
                text: choice.message.content, model: response.model, finishReason: choice.finish_reason,
                promptTokens: response.usage.prompt_tokens, completionTokens: response.usage.completion_tokens,
                sha256: ContentHash(SHA256.hash(data: bytes)).description, byteCount: bytes.count,
                committedAt: Int64(finishedAt ?? 0) * 1000))
    }
}
