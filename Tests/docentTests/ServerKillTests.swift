import Foundation
import GRDB
import Testing

/// A server that is ended at random moments of a mixed load, and started again on the same database.
@Suite(.serialized, .timeLimit(.minutes(600)))
struct ServerKillTests {
    private static let isLong = ProcessInfo.processInfo.environment["DOCENT_LONG_TESTS"] != nil
    private static let seed = ProcessInfo.processInfo.environment["DOCENT_SEED"].flatMap { UInt64($0) } ?? 7
    private let docent: DocentProcess
    private let load = ServerLoad()

    init() throws { docent = try DocentProcess() }

    @Test func `kill -9 under load loses no accepted request, no answer, no file and no cancellation`() async throws {
        try await rounds(Self.isLong ? 500 : 12, endedBy: SIGKILL)
    }

    @Test
    func `SIGTERM at any moment ends the server well, loses nothing and charges nobody an attempt`() async throws {
        try await rounds(Self.isLong ? 200 : 10, endedBy: SIGTERM)
        // A question that was not answered was refused, which its client heard: none is left to expire at the next start.
        let charged = try await database { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT id || ' ' || state || ' ' || attempts || ' ' || crashes FROM request
                    WHERE crashes > 0 OR state = 'expired' OR (state = 'waiting' AND attempts > 0)
                    """)
        }
        #expect(charged.isEmpty)
    }

    private func rounds(_ count: Int, endedBy signal: Int32) async throws {
        var random = SplitMix(state: Self.seed)
        var results: [Int64: String] = [:]
        for round in 0..<count {
            if round % 4 == 3 {
                // While it starts, and perhaps works already.
                let server = try docent.start(["serve", "--port", "0"])
                _ = await server.signal(signal, after: .milliseconds(Int.random(in: 0..<400, using: &random)))
                #expect([0, 128 + signal].contains(await server.ended().status))
            }
            let (server, url) = try await docent.startServer()
            defer { server.send(SIGKILL) }
            try await verify("seed \(Self.seed), before round \(round)", &results)
            let delay = Duration.milliseconds(Int.random(in: 0..<600, using: &random))
            await withTaskGroup(of: Void.self) { group in
                group.addTask { [load] in await load.run(at: url) }
                // The first is left alone until there is something of every kind to lose, which a busy machine is slow to give.
                let latest = ContinuousClock.now + .seconds(round == 0 ? 60 : 0)
                _ = await server.signal(signal, after: delay) { [load] in
                    load.acknowledged.hasEveryKind || ContinuousClock.now > latest
                }
                let signalled = ContinuousClock.now
                let ended = await server.ended()
                #expect(ended.status == (signal == SIGTERM ? 0 : 128 + signal), "\(ended.errors)")
                #expect(ContinuousClock.now - signalled < .seconds(30), "round \(round)")
                group.cancelAll()
            }
        }
        let (server, url) = try await docent.startServer()
        defer { server.send(SIGKILL) }
        try await verify("seed \(Self.seed), at the end", &results)
        let said = load.acknowledged
        for (id, content) in said.files { #expect(try await load.content(of: id, at: url) == content, "\(id)") }
        #expect(said.hasEveryKind)
        print(
            "server ends: seed \(Self.seed), \(count) ends, \(said.answers.count) answers, \(said.accepted.count) "
                + "accepted and \(said.cancelled.count) cancelled jobs, \(said.files.count) files, "
                + "\(said.refused) refusals")
    }

    /// A look at the database beside the server that has just recovered it.
    private func database<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(10)
        return try await DatabaseQueue(path: docent.path("docent.sqlite"), configuration: configuration).read(body)
    }

    private struct Found: Sendable {
        var problems: [String] = []
        var jobs: [String: String] = [:]
        var files: Set<String> = []
        var results: [(id: Int64, label: String, result: String)] = []
    }

    private func verify(_ context: String, _ results: inout [Int64: String]) async throws {
        let said = load.acknowledged
        let found = try await database { db in
            var found = Found()
            found.problems =
                try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
                + Row.fetchAll(db, sql: "PRAGMA foreign_key_check").map { "\($0)" }
                + String.fetchAll(
                    db,
                    sql: """
                        SELECT 'counters of ' || job.id FROM job JOIN request ON request.job_id = job.id
                        GROUP BY job.id HAVING count(*) <> waiting + running + succeeded + job.failed + cancelled + expired
                            OR succeeded <> count(*) FILTER (WHERE request.state = 'succeeded')
                            OR running <> count(*) FILTER (WHERE request.state = 'running')
                        """)
            for row in try Row.fetchAll(db, sql: "SELECT id, state FROM job") { found.jobs[row["id"]] = row["state"] }
            found.files = Set(try String.fetchAll(db, sql: "SELECT id FROM file"))
            found.results = try Row.fetchAll(
                db,
                sql: """
                    SELECT request.id, label, result FROM request JOIN job ON job.id = job_id
                    WHERE result IS NOT NULL
                    """
            ).map { ($0["id"], $0["label"], $0["result"]) }
            return found
        }
        #expect(found.problems.isEmpty, "\(context)")
        for id in said.accepted { #expect(found.jobs[id] != nil, "\(context): \(id) is lost") }
        for id in said.cancelled { #expect(found.jobs[id] == "cancelled", "\(context): \(id)") }
        for id in said.files.keys { #expect(found.files.contains(id), "\(context): \(id) is lost") }
        let answers = Dictionary(found.results.map { ($0.label, $0.result) }, uniquingKeysWith: { first, _ in first })
        for (label, text) in said.answers {
            let quoted = String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
            #expect(answers[label]?.contains(quoted) == true, "\(context): \(label)")
        }
        // A result that was there once is there for good.
        let now = Dictionary(uniqueKeysWithValues: found.results.map { ($0.id, $0.result) })
        for (id, result) in results { #expect(now[id] == result, "\(context): request \(id)") }
        results = now
    }
}
