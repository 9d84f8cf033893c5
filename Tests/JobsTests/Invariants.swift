import GRDB
import Testing

@testable import Jobs

/// What is true of every database between two commits.
enum Invariants {
    static func check(_ store: JobStore) async throws {
        #expect(try await problems(of: store).isEmpty)
    }

    /// What is not as it must be, in words for whoever looks for the cause.
    static func problems(of store: JobStore) async throws -> [String] {
        try await store.read { db in
            try String.fetchAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
                + Row.fetchAll(db, sql: "PRAGMA foreign_key_check").map { "foreign key: \($0)" }
                + Row.fetchAll(db, sql: miscounted).map { "counters: \($0)" }
                + Row.fetchAll(db, sql: wronglyHeld).map { "held: \($0)" }
                + Row.fetchAll(db, sql: "PRAGMA user_version").map { "schema: \($0)" }
                .filter { $0 != "schema: [user_version:\(Migration.all.count)]" }
        }
    }

    private static let miscounted = """
        SELECT job.id, job.state, waiting, running, succeeded, failed, cancelled, expired FROM job
        LEFT JOIN request ON request.job_id = job.id GROUP BY job.id
        HAVING waiting <> count(*) FILTER (WHERE request.state = 'waiting')
            OR running <> count(*) FILTER (WHERE request.state = 'running')
            OR succeeded <> count(*) FILTER (WHERE request.state = 'succeeded')
            OR job.failed <> count(*) FILTER (WHERE request.state = 'failed')
            OR cancelled <> count(*) FILTER (WHERE request.state = 'cancelled')
            OR expired <> count(*) FILTER (WHERE request.state = 'expired')
        """

    private static let wronglyHeld = """
        SELECT request.id, job.state FROM request JOIN job ON job.id = request.job_id
        WHERE request.state = 'waiting' AND is_held <> (job.state = 'paused')
        """
}
