import FoundationEssentials
import Jobs

/// A job as `/v1/jobs` shows it. Times are seconds since 1970.
struct JobObject {
    let job: Job
    /// How fast it is, where that was asked for: not after every event.
    var pace: JobPace?
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
        if let pace {
            members.append(.init(key: "rate", value: pace.rate.map { .number($0) } ?? .null))
            let seconds = pace.remainingSeconds.map { JSONNode.int(Int(min($0.rounded(.up), 1e15))) }
            members.append(.init(key: "eta_seconds", value: seconds ?? .null))
        }
        if let told = JobDescription(job) {
            members.append(.init(key: "recipe", value: .optional(told.recipe)))
            members.append(.init(key: "metadata", value: told.metadataNode))
        }
        if let onlyRequest {
            members.append(.init(key: "response", value: onlyRequest.response))
            members.append(.init(key: "error", value: onlyRequest.error))
        }
        return .object(members)
    }
}

/// What of a job's specification is for its clients: who orders a job writes it there.
private struct JobDescription: Decodable {
    let recipe: String?
    let metadata: [String: String]?

    /// Nil for what has no recipe, such as single questions.
    init?(_ job: Job) {
        guard job.specification != "{}",
            let told = try? JSONDecoder().decode(Self.self, from: Data(job.specification.utf8)), told.recipe != nil
        else { return nil }
        self = told
    }

    var metadataNode: JSONNode {
        guard let metadata else { return nil }
        return .object(metadata.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .string($0.value)) })
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
