import Foundation
import GRDB
import Synchronization
import Testing

@testable import Jobs

/// Processes that are killed at work, and what their successor finds.
struct CrashTests {
    let workplace = Workplace()

    /// Long runs are asked for by setting this variable.
    static let isLong = ProcessInfo.processInfo.environment["DOCENT_LONG_TESTS"] != nil

    @Test func `a process killed inside a transaction leaves nothing of it`() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = workplace.path as String] in
            let store = try JobStore(path: path)
            _ = try await store.submit(.bulk(key: "before"), .numbered(0..<3))
            try await store.queue.perform { transaction in
                try transaction.change("UPDATE job SET label = 'half'", [])
                try transaction.change("DELETE FROM request WHERE key = '1'", [])
                kill(getpid(), SIGKILL)
            }
        }
        #expect(JobStore.owner(of: workplace.path) == nil)
        let store = try workplace.store()
        let job = try #require(try await store.jobs(limit: 9, after: nil).first)
        #expect(job.label == "a job" && job.counts.waiting == 3)
        #expect(try await store.states(of: job.id).count == 3)
    }

    @Test func `a process killed at work loses its claims but no result`() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = workplace.path as String] in
            let store = try JobStore(path: path)
            _ = try await store.submit(.bulk(), .numbered(0..<3))
            _ = try await store.submit(.chat, .numbered(0..<1))
            let claims = try await store.claim(upTo: 3, for: .ada)
            _ = try await store.complete(claims[1], result: "kept")
            kill(getpid(), SIGKILL)
        }
        let store = try workplace.store()
        let jobs = try await store.jobs(limit: 9, after: nil)
        #expect(try await store.states(of: jobs[0].id) == ["0": .expired])
        #expect(try await store.states(of: jobs[1].id) == ["0": .succeeded, "1": .waiting, "2": .waiting])
        let rows = try await store.requests(of: jobs[1].id, limit: 9)
        #expect(rows.map(\.result) == ["kept", nil, nil] && rows.map(\.crashes) == [0, 1, 0])
    }

    @Test func `a process that exits in the middle of a migration leaves a database that opens`() async throws {
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = workplace.path as String] in
            let suicide = Migration(version: 1, name: "v001-jobs.sql", sql: Migration.all[0].sql)
            let pool = try DatabaseFile.open(
                path: path, schema: Schema(path: path, migrations: []), now: SystemWallClock().now())
            try pool.writeWithoutTransaction { db in
                try db.beginTransaction(.immediate)
                try db.execute(sql: String(decoding: suicide.sql, as: UTF8.self))
                kill(getpid(), SIGKILL)
            }
        }
        let store = try workplace.store()
        _ = try await store.submit(.bulk(), .numbered(0..<1))
        #expect(try await store.statistics().waitingBulk == 1)
    }

    /// Kills a process under mixed load again and again; whatever it acknowledged (noted in a file of its own, one
    /// `write` a line) must be there afterwards.
    @Test(arguments: 0..<(isLong ? 60 : 4))
    func `nothing acknowledged is lost when the process is killed at any moment`(seed: Int) async throws {
        for round in 0..<2 {
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = workplace.path as String, seed = seed as Int, round = round as Int] in
                let limit = 10 + (seed * 37 + round * 61) % 400
                try await MixedLoad(path: path, round: round, limit: limit).run()
            }
            let store = try workplace.store()
            try await MixedLoad.verify(store, journal: workplace.path + ".acknowledged")
            try await store.close()
        }
    }
}

/// Submitters, workers, a canceller and a pruner on one store, until the process is killed.
struct MixedLoad: Sendable {
    let store: JobStore
    let round: Int
    private let journal: Int32
    private let limit: Int
    private let noted = Counter()

    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
    }

    /// - Parameter limit: the process is killed as soon as it has noted so many acknowledgements.
    init(path: String, round: Int, limit: Int) throws {
        store = try JobStore(path: path)
        self.round = round
        self.limit = limit
        journal = open(path + ".acknowledged", O_WRONLY | O_CREAT | O_APPEND, 0o644)
    }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<4 { group.addTask { try await submit("\(round)-\(number)") } }
            for number in 0..<4 { group.addTask { try await work(WorkerID(rawValue: "worker \(number)")) } }
            group.addTask { try await cancelSome() }
            try await group.waitForAll()
        }
    }

    private func note(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        write(journal, bytes, bytes.count)
        if noted.value.add(1, ordering: .relaxed).newValue >= limit { kill(getpid(), SIGKILL) }
    }

    private func submit(_ name: String) async throws {
        for serial in 0... {
            let blob = try await store.blobs.put(Array("\(name) \(serial)".utf8))
            let request = NewRequest(key: "\(name)-\(serial)", payload: "{}", blobs: [blob])
            let (_, ids) = try await store.submit(.bulk(), [request, NewRequest(key: "x", payload: "{}")])
            for id in ids { note("submitted \(id.rawValue)") }
            note("blob \(blob.rawValue)")
        }
    }

    private func work(_ worker: WorkerID) async throws {
        while true {
            for claim in try await store.claim(upTo: 2, for: worker) {
                if claim.requestID.rawValue.isMultiple(of: 5) {
                    guard try await store.fail(claim, .permanent) == .failed else { continue }
                    note("failed \(claim.requestID.rawValue)")
                } else {
                    let result = "result of \(claim.requestID.rawValue)"
                    guard try await store.complete(claim, result: result) == .recorded else { continue }
                    note("succeeded \(claim.requestID.rawValue)")
                }
            }
        }
    }

    private func cancelSome() async throws {
        while true {
            for job in try await store.jobs(limit: 3, after: nil) where !job.state.isFinal {
                guard try await store.cancel(job.id)?.state == .cancelled else { continue }
                note("cancelled \(job.id)")
            }
        }
    }

    static func verify(_ store: JobStore, journal: String) async throws {
        let text = (try? String(contentsOfFile: journal, encoding: .utf8)) ?? ""
        #expect(text.utf8.count { $0 == UInt8(ascii: "\n") } >= 10)
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            let request = try await Int64(words[1]).asyncMap { try await store.request(RequestID(rawValue: $0)) } ?? nil
            switch words[0] {
            case "submitted": #expect(request != nil, "\(line)")
            case "succeeded": #expect(request?.result == "result of \(words[1])", "\(line)")
            case "failed": #expect(request?.state == .failed, "\(line)")
            case "cancelled": #expect(try await store.job(JobID(rawValue: words[1]))?.state == .cancelled, "\(line)")
            default: #expect(try await !store.blobs.bytes(of: BlobID(rawValue: words[1])).isEmpty, "\(line)")
            }
        }
        try await Invariants.check(store)
        #expect(try await store.statistics().running == 0)
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate func asyncMap<T>(_ body: (Wrapped) async throws -> T) async rethrows -> T? {
        guard let self else { return nil }
        return try await body(self)
    }
}
