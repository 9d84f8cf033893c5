import CountedCalls
import Glibc
import Jobs

/// A short life of a queue, in which every kind of change happens:
/// `KilledScenario DATABASE NOTES CALL torn|whole LAST-STEP [TRACE]`.
///
/// It is killed instead of its CALL-th change of a file (0 for never) and leaves by itself after LAST-STEP. What it has
/// acknowledged stands in NOTES, a line a step, and what it changed in TRACE.
///
/// `KilledScenario load …` is a `MixedLoad`.
@main
struct KilledScenario {
    private let database: String
    private let notes: Int32
    private let lastStep: Int
    private let callsBefore: Int64
    private var step = 0

    static func main() async throws {
        if CommandLine.arguments.count > 1, CommandLine.arguments[1] == "load" {
            guard let load = try MixedLoad(Array(CommandLine.arguments.dropFirst(2))) else { exit(64) }
            return try await load.run()
        }
        guard var scenario = KilledScenario(CommandLine.arguments) else { exit(64) }
        try await scenario.run()
    }

    private init?(_ arguments: [String]) {
        guard arguments.count == 6 || arguments.count == 7, let call = Int64(arguments[3]),
            let lastStep = Int(arguments[5])
        else { return nil }
        database = arguments[1]
        notes = open(arguments[2], O_WRONLY | O_CREAT | O_APPEND, 0o644)
        self.lastStep = lastStep
        if arguments.count == 7 { counted_calls_trace(open(arguments[6], O_WRONLY | O_CREAT | O_APPEND, 0o644)) }
        callsBefore = counted_calls()
        counted_calls_kill_at(call == 0 ? 0 : callsBefore + call, arguments[4] == "torn")
    }

    private mutating func acknowledge() {
        counted_calls_note(notes, "\(step)\n")
        if step == lastStep {
            counted_calls_note(notes, "calls \(counted_calls() - callsBefore)\n")
            _exit(0)
        }
        step += 1
    }

    private func openStore() throws -> JobStore {
        let configuration = JobStoreConfiguration(jitter: { 0 }, ballastBytes: 1 << 16)
        return try JobStore(path: database, configuration: configuration)
    }

    private mutating func run() async throws {
        let worker = WorkerID(rawValue: "worker")
        var store = try openStore()
        acknowledge()
        let blob = try await store.blobs.put(Array("a picture of a cat".utf8))
        acknowledge()
        let bulk = NewJob(kind: "caption", label: "bulk", model: "m")
        let requests = (0..<4).map { NewRequest(key: "\($0)", payload: "{}", blobs: [blob]) }
        let (job, _) = try await store.submit(bulk, requests)
        acknowledge()
        let claims = try await store.claim(upTo: 3, of: .model("m"), for: worker)
        acknowledge()
        _ = try await store.complete(claims[0], result: "a cat")
        acknowledge()
        _ = try await store.fail(claims[1], RequestFailure(code: "busy", message: "later", isRetryable: true))
        acknowledge()
        let question = NewJob(kind: "chat", label: "chat", model: "m", priority: .interactive, isSynchronous: true)
        let (chat, _) = try await store.submit(question, [NewRequest(key: "q", payload: "{}")])
        acknowledge()
        _ = try await store.cancel(chat.id)
        acknowledge()
        _ = try await store.pause(job.id)
        acknowledge()
        _ = try await store.prune(finishedBefore: store.now + .seconds(3600))
        acknowledge()
        try await store.close()
        acknowledge()
        store = try openStore()
        acknowledge()
        _ = try await store.resume(job.id)
        acknowledge()
        _ = try await store.cancel(job.id)
        acknowledge()
        try await store.close()
        acknowledge()
    }
}
