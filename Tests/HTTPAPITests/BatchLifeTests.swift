import Foundation
import Hummingbird
import HummingbirdTesting
import Inference
import Jobs
import Models
import Synchronization
import Testing

@testable import HTTPAPI

/// Batches that do not just run through: cancelled, overdue, interrupted (conformance B5, B7, B10).
@Suite struct BatchLifeTests {
    private static let lines = (0..<30).map { batchLine("line-\($0)") }

    private static func codes(_ lines: [String: [String: Any]]) -> Set<String> {
        Set(lines.values.map { (($0["error"] as? [String: Any])?["code"] as? String) ?? "none" })
    }

    /// A batch of the thirty lines, not begun.
    private static func created(_ client: any TestClientProtocol) async throws -> BatchView {
        let file = try await client.upload(lines.joined(separator: "\n"))
        return try BatchView(try await client.createBatch(file).json())
    }

    @Test func `a cancelled batch keeps what was answered, and names the rest`() async throws {
        let service = try TestService(FewAnswers(5))
        try await service.serve { client in
            let batch = try await client.batch(try await Self.created(client).id) { $0.count("completed") == 5 }
            #expect(batch.status == "in_progress")
            let cancelled = try await client.execute(
                uri: "/v1/batches/\(batch.id)/cancel", method: .post,
                headers: [.contentType: "application/json", .contentLength: "0"]
            ) { $0 }
            #expect(cancelled.status == .ok)
            #expect(try BatchView(cancelled.json()).status == "cancelling")
            let end = try await client.batch(batch.id) { $0.isFinal }
            #expect(end.status == "cancelled" && end.moment("cancelling") != nil && end.moment("cancelled") != nil)
            #expect((end.count("total"), end.count("completed"), end.count("failed")) == (30, 5, 0))
            let (answers, rest) = (
                try await client.lines(of: end.outputFile), try await client.lines(of: end.errorFile)
            )
            #expect(answers.count == 5 && rest.count == 25 && Set(answers.keys).isDisjoint(with: rest.keys))
            #expect(Self.codes(rest) == ["batch_cancelled"] && rest.values.allSatisfy { $0["response"] is NSNull })
            let again = try await client.post("/v1/batches/\(batch.id)/cancel", "")
            #expect(again.status == .badRequest)
        }
    }

    @Test func `a batch that is cancelled before it was looked at has run nothing, and twice is as good as once`()
        async throws
    {
        let generator = FewAnswers(99)
        let waiting = try TestService(generator, tendsBatches: false)
        let id = try await waiting.serve(keepsFolder: true) { client in
            let id = try await Self.created(client).id
            for _ in 0..<2 {
                let cancelled = try BatchView(try await client.post("/v1/batches/\(id)/cancel", "").json())
                #expect(cancelled.status == "cancelling")
            }
            return id
        }
        let service = try TestService(generator, in: waiting.folder)
        try await service.serve { client in
            let end = try await client.batch(id) { $0.isFinal }
            #expect(end.status == "cancelled" && end.outputFile == nil && end.errorFile == nil)
            #expect(end.count("total") == 0 && generator.asked == 0)
        }
    }

    @Test func `a batch whose job is cancelled by its own name is cancelled too`() async throws {
        let service = try TestService(FewAnswers(1))
        try await service.serve { client in
            let batch = try await client.batch(try await Self.created(client).id) { $0.count("completed") == 1 }
            let job = try #require((batch.fields["docent"] as? [String: Any])?["job_id"] as? String)
            #expect(try await client.post("/v1/jobs/\(job)/cancel", "").status == .ok)
            let end = try await client.batch(batch.id) { $0.isFinal }
            #expect(end.status == "cancelled")
            #expect(Self.codes(try await client.lines(of: end.errorFile)) == ["batch_cancelled"])
        }
    }

    @Test func `when the window closes what was answered is kept, and the rest is batch_expired`() async throws {
        let service = try TestService(FewAnswers(5)) { $0.batchWindow = .milliseconds(700) }
        try await service.serve { client in
            let end = try await client.batch(try await Self.created(client).id) { $0.isFinal }
            #expect(end.status == "expired" && end.moment("expired") != nil && end.moment("finalizing") == nil)
            #expect(end.count("failed") == 0 && end.count("completed") <= 5)
            let (answers, rest) = (
                try await client.lines(of: end.outputFile), try await client.lines(of: end.errorFile)
            )
            #expect(answers.count == end.count("completed") && answers.count + rest.count == end.count("total"))
            // It may have closed before anything was looked at.
            #expect(Self.codes(rest).isSubset(of: ["batch_expired"]))
        }
    }

    /// A day after any batch was made.
    private struct LateClock: WallClock {
        func now() -> Timestamp { SystemWallClock().now() + .seconds(25 * 3600) }
    }

    @Test func `what was answered before a server was away for a day is kept, and the rest is batch_expired`()
        async throws
    {
        let before = try TestService(FewAnswers(5))
        let id = try await before.serve(keepsFolder: true) { client in
            try await client.batch(try await Self.created(client).id) { $0.count("completed") == 5 }.id
        }
        let generator = FewAnswers(0)
        let service = try TestService(generator, in: before.folder, clock: LateClock())
        try await service.serve { client in
            let end = try await client.batch(id) { $0.isFinal }
            #expect(end.status == "expired" && (end.count("total"), end.count("completed")) == (30, 5))
            let (answers, rest) = (
                try await client.lines(of: end.outputFile), try await client.lines(of: end.errorFile)
            )
            #expect(answers.count == 5 && rest.count == 25 && Self.codes(rest) == ["batch_expired"])
        }
    }

    @Test func `lines that never came into the queue are named as well`() async throws {
        let taking = try TestService(FewAnswers(0), tendsBatches: false)
        let id = try await taking.serve(keepsFolder: true) { client in
            let id = try await Self.created(client).id
            try await Self.bring(BatchID(rawValue: id), to: .partlyStored, in: taking)
            return id
        }
        let service = try TestService(FewAnswers(0), in: taking.folder, clock: LateClock())
        try await service.serve { client in
            let end = try await client.batch(id) { $0.isFinal }
            #expect(end.status == "expired" && end.outputFile == nil)
            let rest = try await client.lines(of: end.errorFile)
            #expect(rest.count == 30 && Self.codes(rest) == ["batch_expired"])
        }
    }

    @Test func `a batch goes on without its input file when that is deleted`() async throws {
        let generator = FewAnswers(3)
        let service = try TestService(generator)
        try await service.serve { client in
            let batch = try await client.batch(try await Self.created(client).id) { $0.count("completed") == 3 }
            let file = try #require(batch.fields["input_file_id"] as? String)
            #expect(try await client.execute(uri: "/v1/files/\(file)", method: .delete) { $0 }.status == .ok)
            _ = try await service.store.prune(finishedBefore: service.store.now)
            generator.gate.open()
            let end = try await client.batch(batch.id) { $0.isFinal }
            #expect(end.status == "completed" && end.count("completed") == 30)
            #expect(try await client.get("/v1/files/\(file)").status == .notFound)
        }
    }

    @Test func `a batch whose input was lost fails with the reason`() async throws {
        let taking = try TestService(FewAnswers(0), tendsBatches: false)
        let id = try await taking.serve(keepsFolder: true) { client in
            let batch = try await Self.created(client)
            let blob = try #require(try await taking.store.batch(BatchID(rawValue: batch.id))?.input).rawValue
            let path = "\(taking.store.path).blobs/\(blob.prefix(2))/\(blob.dropFirst(2))"
            try FileManager.default.removeItem(atPath: path)
            return batch.id
        }
        let service = try TestService(FewAnswers(0), in: taking.folder)
        try await service.serve { client in
            let end = try await client.batch(id) { $0.isFinal }
            #expect(end.status == "failed" && end.codes == ["invalid_input_file"])
        }
    }

    @Test func `a disk that takes no file is an error of the upload, and a delay of the batch`() async throws {
        let broken = try TestService(FewAnswers(99))
        let id = try await broken.serve(keepsFolder: true) { client in
            let id = try await Self.created(client).id
            let incoming = broken.store.path + ".blobs/incoming"
            try FileManager.default.removeItem(atPath: incoming)
            let refused = try await client.post(form: Form.upload("x", [("purpose", "batch")]))
            #expect(refused.status == .internalServerError && !refused.text.contains("incoming"))
            _ = try await client.batch(id) { $0.status == "finalizing" }
            return id
        }
        let service = try TestService(FewAnswers(0), in: broken.folder)
        try await service.serve { client in
            let end = try await client.batch(id) { $0.isFinal }
            #expect(end.status == "completed" && end.count("completed") == 30)
            #expect(try await client.lines(of: end.outputFile).count == 30)
        }
    }

    // MARK: Restarts

    /// Where a server is stopped.
    enum Phase: CaseIterable, Sendable {
        case validating, validated, partlyStored, stored, running, answered, finalizing
    }

    @Test(arguments: Phase.allCases)
    func `a batch goes on wherever the server was stopped, and every line is there once`(phase: Phase) async throws {
        let first = FewAnswers(phase == .answered || phase == .finalizing ? 99 : 7)
        let stopped = try TestService(first, tendsBatches: phase == .running)
        let id = try await stopped.serve(keepsFolder: true) { client in
            let id = BatchID(rawValue: try await Self.created(client).id)
            try await Self.bring(id, to: phase, in: stopped)
            return id
        }
        let second = FewAnswers(99)
        let service = try TestService(second, in: stopped.folder)
        try await service.serve { client in
            let end = try await client.batch(id.rawValue) { $0.isFinal }
            #expect(end.status == "completed" && end.errorFile == nil)
            #expect((end.count("total"), end.count("completed")) == (30, 30))
            let keys = Set(try await client.lines(of: end.outputFile).keys)
            #expect(keys == Set((0..<30).map { "line-\($0)" }))
            #expect(try await service.store.jobs(limit: 9).count == 1)
            #expect(try await service.store.files(purpose: "batch_output", limit: 9).count == 1)
        }
        #expect(first.answered + second.answered == 30, "nothing that was answered is asked again")
    }

    private static func bring(_ id: BatchID, to phase: Phase, in service: TestService) async throws {
        let (store, batches) = (service.store, service.server.batches)
        if phase == .validating { return }
        if phase == .running {
            while try await store.batch(id)?.succeeded != 7 { try await Task.sleep(for: .milliseconds(2)) }
            return
        }
        let job = try #require(try await batches.validate(id)?.job)
        if phase == .validated { return }
        if phase == .partlyStored {
            var lines = try await batches.input.lines(of: try #require(try await store.batch(id)))
            let rules = batches.input.rules
            let prepared = try await batches.input.next(&lines) { try PreparedLine($0, rules: rules) }
            var some: [BatchLine] = []
            for line in prepared.prefix(11) { some.append(try await line.stored(in: store)) }
            return try await store.append(some, to: job)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await batches.tend(id) }
            while try await store.job(job)?.isSealed == false { try await Task.sleep(for: .milliseconds(2)) }
            group.cancelAll()
        }
        if phase == .stored { return }
        for await _ in store.changes(of: job) {}
        if phase == .finalizing { _ = try await store.finalizeBatch(id) }
    }
}

/// Holds whoever passes until it is opened, or until their own task is cancelled: each has a stream of its own, because a
/// cancelled iteration ends the stream for all.
final class Latch: Sendable {
    private let waiting = Mutex<[AsyncStream<Void>.Continuation]?>([])

    func open() {
        let waiting = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting ?? []
        }
        for continuation in waiting { continuation.finish() }
    }

    func passed() async {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        let isOpen = waiting.withLock { waiting in
            waiting?.append(continuation)
            return waiting == nil
        }
        if isOpen { return }
        for await _ in stream {}
    }
}

/// Answers so many requests and holds the others until its gate is opened or they are not wanted any more.
final class FewAnswers: TextGenerator {
    let gate = Latch()
    private let limit: Int
    private let counts = Mutex((asked: 0, answered: 0))

    init(_ limit: Int) { self.limit = limit }

    var asked: Int { counts.withLock { $0.asked } }
    var answered: Int { counts.withLock { $0.answered } }

    func generate(_ request: GenerationRequest) -> AsyncThrowingStream<GenerationEvent, any Error> {
        let number = counts.withLock { counts in
            counts.asked += 1
            return counts.asked
        }
        return AsyncThrowingStream { continuation in
            let task = Task {
                if number > limit { await gate.passed() }
                if Task.isCancelled { return }
                counts.withLock { $0.answered += 1 }
                continuation.yield(.delta(GeneratedText(text: "yes", tokens: [GeneratedToken(id: 300)])))
                let count = request.prompt.tokens.count
                continuation.yield(
                    .finished(GenerationSummary(finishReason: .stop, promptTokens: count, completionTokens: 1)))
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
