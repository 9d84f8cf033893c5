import ChildProcess
import Foundation
import Testing

@testable import Jobs

/// Real processes with a dispatcher at work: killed by what they work on, or told to stop.
@Suite(.serialized, .timeLimit(.minutes(60)))
struct DyingWorkerTests {
    private static let isLong = ProcessInfo.processInfo.environment["DOCENT_LONG_TESTS"] != nil
    private static let seed = ProcessInfo.processInfo.environment["DOCENT_SEED"].flatMap { Int($0) } ?? 1
    private static let requests = 200
    /// Bulk requests that a dispatcher has in hand.
    private static let slots = 16
    private static let model = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Sources/docent/docent-mini").standardized.path

    private func start(on database: String, _ poison: String = "") throws -> ChildProcess {
        // A report of a crash would take longer than all the work.
        try ChildProcess(
            besideTests: "DyingWorker", [database, Self.model, "\(Self.requests)", poison],
            environment: ["SWIFT_BACKTRACE": "enable=no"])
    }

    /// - Returns: how many lives ended otherwise than well before one did.
    private func deaths(on database: String, _ poison: String) async throws -> Int {
        for deaths in 0..<20 {
            let worker = try start(on: database, poison)
            if await worker.ended() == .exited(0) { return deaths }
        }
        return .max
    }

    @Test(arguments: ["kill:0", "fault:70", "abort:199", "kill:50,fault:51,exit:150"])
    func `a request that kills its worker is set aside after two crashes, and the rest go on`(
        poison: String
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dying-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let database = folder.appending(path: "docent.sqlite").path
        let places = poison.split(separator: ",").map { String($0.split(separator: ":")[1]) }
        let deaths = try await deaths(on: database, poison)
        #expect(deaths == 2 || places.count > 1 && deaths <= 2 * places.count)

        let store = try JobStore(path: database)
        let job = try #require(try await store.jobs(limit: 1000).last)
        #expect(job.counts.failed == places.count && job.counts.succeeded == Self.requests - places.count)
        var neighbours = 0
        for request in try await store.requests(of: job.id, limit: 1000) {
            if places.contains(request.key) {
                #expect(request.failure?.code == "worker_crashed" && request.crashes == 2, "\(request.key)")
            } else {
                #expect(request.state == .succeeded && request.attempts == 1 && request.crashes <= 1)
                neighbours += request.crashes
            }
        }
        #expect(neighbours < Self.slots * places.count)
        try await store.close()
    }

    @Test func `a worker that is told to stop at any moment gives everything back and charges nobody`() async throws {
        var (stops, waited) = (0, Duration.zero)
        while stops < (Self.isLong ? 1_000 : 40) {
            let folder = FileManager.default.temporaryDirectory.appending(path: "dying-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let database = folder.appending(path: "docent.sqlite").path
            var isDone = false
            for life in 0..<40 where !isDone {
                let worker = try start(on: database)
                try await Task.sleep(for: .milliseconds((stops * 7919 + Self.seed * 104_729) % 200))
                worker.send(SIGTERM)
                let signalled = ContinuousClock.now
                let ending = await worker.ended()
                waited = max(waited, ContinuousClock.now - signalled)
                stops += 1
                // Before it has said what the signal means to it, the signal ends it.
                #expect(ending == .exited(0) || ending == .killed(by: SIGTERM), "seed \(Self.seed), life \(life)")
                isDone = try await isDoneAndNobodyCharged(database, "seed \(Self.seed), stop \(stops)")
            }
            #expect(isDone)
        }
        #expect(waited < .seconds(20))
        print("stops by SIGTERM: seed \(Self.seed), \(stops), the longest took \(waited)")
    }

    /// Looks at what a stopped worker left, as the next owner finds it.
    private func isDoneAndNobodyCharged(_ database: String, _ context: String) async throws -> Bool {
        let store = try JobStore(path: database)
        var isDone = false
        for job in try await store.jobs(limit: 10_000) {
            for request in try await store.requests(of: job.id, limit: 1000) {
                let isFair = request.crashes == 0 && (request.attempts == 0 || request.state != .waiting)
                #expect(isFair && request.state != .expired, "\(context): \(request.key) of \(job.label): \(request)")
            }
            if job.kind == "caption" { isDone = job.isFinished && job.counts.succeeded == Self.requests }
        }
        try await store.close()
        return isDone
    }
}
