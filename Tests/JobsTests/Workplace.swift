import Foundation
import GRDB

@testable import Jobs

/// A folder of its own for one test's database, removed with it.
final class Workplace: Sendable {
    let clock = ManualClock()
    let directory: String

    init(in parent: String = FileManager.default.temporaryDirectory.path) {
        directory = parent + "/docent-jobs-" + UUID().uuidString
        try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    var path: String { directory + "/jobs.sqlite" }

    func store(_ change: (inout JobStoreConfiguration) -> Void = { _ in }) throws -> JobStore {
        var configuration = JobStoreConfiguration()
        configuration.jitter = { 0.5 }
        change(&configuration)
        return try JobStore(path: path, configuration: configuration, clock: clock)
    }

    /// A second connection, for looking at what the store wrote (and for writing what it never would).
    func database() throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: path, configuration: configuration)
    }
}

extension NewJob {
    static func bulk(_ label: String = "a job", key: String? = nil) -> NewJob {
        NewJob(kind: "caption", label: label, model: "m", specification: #"{"prompt":"?"}"#, deduplicationKey: key)
    }

    static let chat = NewJob(
        kind: "chat", label: "a question", model: "m", priority: .interactive, isSynchronous: true)
}

extension [NewRequest] {
    static func numbered(_ range: Range<Int>, maxAttempts: Int = 3) -> [NewRequest] {
        range.map { NewRequest(key: "\($0)", payload: "{\"n\":\($0)}", maxAttempts: maxAttempts) }
    }
}

extension WorkerID {
    static let ada = WorkerID(rawValue: "ada")
    static let bob = WorkerID(rawValue: "bob")
}

extension RequestFailure {
    static let transient = RequestFailure(code: "busy", message: "try later", isRetryable: true)
    static let permanent = RequestFailure(code: "bad_image", message: "not an image", isRetryable: false)
}

extension JobStore {
    /// For the one model of nearly all tests.
    func claim(upTo limit: Int, for worker: WorkerID, interactiveOnly: Bool = false) async throws -> [Claim] {
        try await claim(upTo: limit, of: .model("m"), for: worker, interactiveOnly: interactiveOnly)
    }

    func nextDue() async throws -> Timestamp? { try await nextDue(of: .model("m")) }

    func state(of id: RequestID) async throws -> RequestState? { try await request(id)?.state }

    /// All requests of a job, by key.
    func states(of job: JobID) async throws -> [String: RequestState] {
        let rows = try await requests(of: job, limit: 10_000)
        return Dictionary(uniqueKeysWithValues: rows.map { ($0.key, $0.state) })
    }
}
