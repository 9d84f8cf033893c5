import GRDB

@testable import Jobs

/// What a queue says of its jobs and requests, a line each; the jobs are numbered as they came, for their ids are random.
struct StoredState: Equatable, CustomStringConvertible {
    private(set) var lines: [String] = []

    var isEmpty: Bool { lines.isEmpty }
    var description: String { lines.joined(separator: "\n") }

    init(of model: QueueModel) {
        for (number, (_, job)) in model.jobs.sorted(by: { $0.key.rawValue < $1.key.rawValue }).enumerated() {
            lines.append("job \(number) \(job.state)")
            for (id, request) in job.requests.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                let facts = "\(request.state) \(request.attempts) \(request.crashes) \(request.result ?? "-")"
                lines.append("request \(id.rawValue) \(facts)")
            }
        }
    }

    /// The model as the next owner of its database finds it.
    static func afterRestart(of model: QueueModel) -> StoredState {
        var model = model
        model.rescue(where: { _ in true }, ownerDied: true)
        return StoredState(of: model)
    }

    /// - Parameter label: jobs of this label are left out.
    init(of store: JobStore, without label: String = "") async throws {
        lines = try await store.read { db in
            var lines: [String] = []
            let jobs = try Row.fetchAll(
                db, sql: "SELECT id, state FROM job WHERE label <> ? ORDER BY id", arguments: [label])
            for (number, job) in jobs.enumerated() {
                lines.append("job \(number) \(job["state"] as String)")
                lines += try String.fetchAll(
                    db,
                    sql: """
                        SELECT 'request ' || id || ' ' || state || ' ' || attempts || ' ' || crashes || ' '
                            || coalesce(result, '-') FROM request WHERE job_id = ? ORDER BY id
                        """, arguments: [job["id"] as String])
            }
            return lines
        }
    }
}
