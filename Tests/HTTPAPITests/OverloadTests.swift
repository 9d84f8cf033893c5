import Foundation
import Hummingbird
import HummingbirdTesting
import Inference
import Models
import Synchronization
import Testing
import Workers

@testable import HTTPAPI

/// Ten times as many requests as can be served (F20 of the fault plan): 4 seconds, a minute in the long form.
@Suite(.serialized) struct OverloadTests {
    private static let time = Duration.milliseconds(200)
    private static let places = 8
    private static let flood = Duration.seconds(Load.isLong ? 60 : 4)

    /// What came of one call.
    private struct Outcome: Sendable {
        var status: HTTPResponse.Status
        var time: Duration
        var retryAfter: Int?
    }

    /// Half of the places are for people, half for bulk; half as many people may wait as are served at a time.
    @Test(.timeLimit(.minutes(5)))
    func `under ten times the load, who is accepted waits little, the rest is told when to come back, a batch goes on`()
        async throws
    {
        var work = DispatcherConfiguration()
        work.interactiveSlots = Self.places / 2
        work.bulkSlots = Self.places / 2
        let generator = FixedCapacity(places: Self.places, each: Self.time)
        let service = try TestService(generator, work: work) {
            $0.maxWaitingRequests = Self.places / 2 + Self.places / 4
        }
        try await service.serve { client in
            var alone: [Duration] = []
            for _ in 0..<5 { alone.append(try await Self.ask(client).time) }
            // More than can be done meanwhile, before the first of the flood.
            let bulk = Self.places * Int(Self.flood / Self.time)
            for _ in 0..<bulk {
                let accepted = try await client.chat(headers: [
                    .contentType: "application/json", .prefer: "respond-async",
                ])
                #expect(accepted.status == .accepted)
            }
            let before = generator.done.withLock { $0 }
            let outcomes = try await Self.flood(client, every: Self.time / (Self.places * 10))
            let after = generator.done.withLock { $0 }

            let served = outcomes.filter { $0.status == .ok }
            let refused = outcomes.filter { $0.status == .serviceUnavailable }
            #expect(served.count + refused.count == outcomes.count && !served.isEmpty)
            #expect(refused.count > served.count * 4)
            #expect(refused.allSatisfy { $0.retryAfter.map { (1...600).contains($0) } == true })
            let bulkDone = (after[.bulk] ?? 0) - (before[.bulk] ?? 0)
            let share = Double(bulkDone) / Double(bulkDone + served.count)
            let (idle, p99) = (
                Load.quantile(0.5, of: alone.sorted()), Load.quantile(0.99, of: served.map(\.time).sorted())
            )
            let slowest = Load.quantile(0.99, of: refused.map(\.time).sorted())
            print(
                "load: \(outcomes.count) calls, \(served.count) served, p99 \(Load.milliseconds(p99)) ms against "
                    + "\(Load.milliseconds(idle)) ms alone, \(refused.count) refused, p99 "
                    + "\(Load.milliseconds(slowest)) ms; the batch had \(Int(share * 100)) % of what was done")
            // Twice when nothing else runs on the machine: half as many wait as are served.
            #expect(p99 < (Load.isLong ? idle * 2.5 : max(idle * 4, .seconds(2))))
            #expect(share >= 0.15)
        }
    }

    private static func ask(_ client: any TestClientProtocol) async throws -> Outcome {
        let start = ContinuousClock.now
        let response = try await client.chat()
        return Outcome(
            status: response.status, time: ContinuousClock.now - start,
            retryAfter: response.headers[.retryAfter].flatMap { Int($0) })
    }

    /// A call `every` so often, whatever came of those before.
    private static func flood(_ client: any TestClientProtocol, every interval: Duration) async throws -> [Outcome] {
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            let start = ContinuousClock.now
            var next = start
            while next < start + flood {
                try await Task.sleep(until: next)
                group.addTask { try await ask(client) }
                next += interval
            }
            var outcomes: [Outcome] = []
            for try await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
    }
}

/// So many answers at a time, each of which takes a while.
private final class FixedCapacity: TextGenerator {
    private let slots: Slots
    private let time: Duration
    let done = Mutex<[Inference.Priority: Int]>([:])

    init(places: Int, each time: Duration) {
        slots = Slots(places)
        self.time = time
    }

    func generate(_ request: GenerationRequest) -> AsyncThrowingStream<GenerationEvent, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task { [self] in
                do {
                    try await slots.withSlot { try await Task.sleep(for: time) }
                    done.withLock { $0[request.priority, default: 0] += 1 }
                    continuation.yield(.delta(GeneratedText(text: "a", tokens: [GeneratedToken(id: 300)])))
                    let summary = GenerationSummary(
                        finishReason: .stop, promptTokens: request.prompt.tokens.count, completionTokens: 1)
                    continuation.yield(.finished(summary))
                    continuation.finish()
                } catch { continuation.finish(throwing: error) }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
