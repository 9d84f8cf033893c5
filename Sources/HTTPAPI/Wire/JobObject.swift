import Jobs

/// A job as `/v1/jobs` shows it. Times are seconds since 1970.
struct JobObject {
    let job: Job
    /// The only request of a finished job, whose answer is then part of the object.
    var onlyRequest: RequestObject?

    var json: JSONNode {
        var members: [JSONNode.Member] = [
            .init(key: "id", value: .string(job.id.rawValue)),
            .init(key: "object", value: "job"),
            .init(key: "kind", value: .string(job.kind)),
            .init(key: "label", value: .string(job.label)),
            .init(key: "status", value: .string(job.state.rawValue)),
            .init(key: "priority", value: .string(job.priority == .interactive ? "interactive" : "bulk")),
            .init(key: "sealed", value: .bool(job.isSealed)),
            .init(key: "created_at", value: .int(job.createdAt.seconds)),
            .init(key: "started_at", value: .optional(job.startedAt?.seconds)),
            .init(key: "finished_at", value: .optional(job.finishedAt?.seconds)),
            .init(key: "counts", value: job.counts.json),
        ]
        if let onlyRequest {
            members.append(.init(key: "response", value: onlyRequest.response))
            members.append(.init(key: "error", value: onlyRequest.error))
        }
        return .object(members)
    }
}

extension JobCounts {
    var json: JSONNode {
        [
            "total": .int(total), "waiting": .int(waiting), "running": .int(running), "succeeded": .int(succeeded),
            "failed": .int(failed), "cancelled": .int(cancelled), "expired": .int(expired),
        ]
    }
}

extension Timestamp {
    var seconds: Int { Int(milliseconds / 1000) }
}
