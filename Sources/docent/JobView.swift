import Jobs

/// A job in the words of `/v1/jobs`.
struct JobView: Codable, Sendable, Hashable {
    var id: String
    var kind: String
    var label: String
    var status: String
    var createdAt: Int
    var startedAt: Int?
    var finishedAt: Int?
    var counts: Counts

    struct Counts: Codable, Sendable, Hashable {
        var total, waiting, running, succeeded, failed, cancelled, expired: Int
    }

    enum CodingKeys: String, CodingKey {
        case id, kind, label, status, counts
        case createdAt = "created_at"
        case startedAt = "started_at"
        case finishedAt = "finished_at"
    }
}

extension JobView {
    init(_ job: Job) {
        let counts = job.counts
        self.init(
            id: job.id.rawValue, kind: job.kind, label: job.label, status: job.state.rawValue,
            createdAt: Int(job.createdAt.milliseconds / 1000),
            startedAt: job.startedAt.map { Int($0.milliseconds / 1000) },
            finishedAt: job.finishedAt.map { Int($0.milliseconds / 1000) },
            counts: Counts(
                total: counts.total, waiting: counts.waiting, running: counts.running, succeeded: counts.succeeded,
                failed: counts.failed, cancelled: counts.cancelled, expired: counts.expired))
    }

    var isFinished: Bool { finishedAt != nil }

    /// `job_…  running  7/12  2 failed  captions of photos`.
    var line: String {
        let final = counts.succeeded + counts.failed + counts.cancelled + counts.expired
        var parts = [id, status, "\(final)/\(counts.total)"]
        if counts.failed + counts.expired > 0 { parts.append("\(counts.failed + counts.expired) failed") }
        return (parts + [label]).joined(separator: "  ")
    }
}

/// A request of a job that has no answer.
struct FailureView: Codable, Sendable, Hashable {
    var key: String
    var message: String

    static let unknownReason = "no reason is on record"
}
