import Dispatch
import FoundationEssentials
import Glibc
import Inference
import Jobs
import Logging
import Models
import Workers

/// A dispatcher at work on a queue, beside people with questions, until its job is done, it is told to stop, or an image
/// kills it: `DyingWorker DATABASE MODEL REQUESTS [DEATH:PLACE,…]`, where MODEL is a folder with a tokenizer.
///
/// The first life fills the queue with REQUESTS requests; those at the places are about an image that is a DEATH. SIGTERM
/// drains, as in `docent serve`.
@main
struct DyingWorker {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 4, let count = Int(arguments[3]) else { exit(64) }
        signal(SIGTERM, SIG_IGN)
        let termination = DispatchSource.makeSignalSource(signal: SIGTERM)
        let (terminations, terminator) = AsyncStream<Void>.makeStream()
        termination.setEventHandler { @Sendable in terminator.finish() }
        termination.resume()

        let store = try JobStore(path: arguments[1])
        let model = try WordModel.loaded(tokenizerOf: arguments[2])
        let job = try await filledJob(store, model, count, arguments.count > 4 ? arguments[4] : "")
        let dispatcher = Dispatcher(
            store: store, model: model, generator: ShortAnswers(), images: DeadlyImages(),
            logger: Logger(label: "worker"))
        let changes = store.changes(of: job)
        let watch = Task { for await change in changes where change.isFinished { terminator.finish() } }
        let drain = Task {
            for await _ in terminations {}
            dispatcher.drain(patience: .milliseconds(20))
        }
        async let asked: Void = ask(dispatcher)
        try await dispatcher.run()
        try await asked
        for task in [watch, drain] { task.cancel() }
        try await store.close()
        termination.cancel()
    }

    private static func filledJob(
        _ store: JobStore, _ model: LoadedModel, _ count: Int, _ deaths: String
    ) async throws -> JobID {
        var places: [Int: String] = [:]
        for death in deaths.split(separator: ",") {
            let words = death.split(separator: ":")
            if words.count == 2, let place = Int(words[1]) { places[place] = String(words[0]) }
        }
        let requests = try (0..<count).map { place in
            let images = places[place].map { [ImageReference.file($0)] } ?? []
            let content = images.map { _ in ContentPart.image } + [.text("What is number \(place)?")]
            let work = ChatWork(messages: [ChatMessage(role: "user", content: content)], images: images)
            let payload = String(decoding: try JSONEncoder().encode(work), as: UTF8.self)
            return NewRequest(key: "\(place)", payload: payload)
        }
        let job = NewJob(kind: "caption", label: "many", model: model.card.identity, deduplicationKey: "many")
        return try await store.submit(job, requests).0.id
    }

    /// One question after the other, each answered or refused.
    private static func ask(_ dispatcher: Dispatcher) async throws {
        let question = ChatWork(messages: [ChatMessage(role: "user", content: [.text("And this?")])])
        while let ticket = try? await dispatcher.submit(question, label: "question") {
            for await _ in ticket.events {}
        }
    }
}

/// Answers everything with one word, after a moment.
private struct ShortAnswers: TextGenerator {
    func generate(_ request: GenerationRequest) -> AsyncThrowingStream<GenerationEvent, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task {
                try? await Task.sleep(for: .milliseconds(2))
                continuation.yield(.delta(GeneratedText(text: "Yes.", tokens: [GeneratedToken(id: 1)])))
                continuation.yield(
                    .finished(
                        GenerationSummary(
                            finishReason: .stop, promptTokens: request.prompt.tokens.count, completionTokens: 1)))
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}

/// Images whose decoding ends the process, each as its name says.
private struct DeadlyImages: ImageSource {
    func bytes(of reference: ImageReference) async throws -> [UInt8] {
        // Its neighbours are in hand by then, and some of them done.
        try await Task.sleep(for: .milliseconds(3))
        switch reference {
        case .file("fault"): raise(SIGSEGV)
        case .file("abort"): abort()
        case .file("exit"): _exit(1)
        default: kill(getpid(), SIGKILL)
        }
        return []
    }
}
