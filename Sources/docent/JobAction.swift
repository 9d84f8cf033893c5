import ArgumentParser
import Jobs

/// What people can do to a job. Only the owner of its database can do it, or have it done.
enum JobAction: Sendable {
    case cancel, pause, resume, retry
    case prioritize(PriorityName)

    /// The last part of its route.
    var path: String {
        switch self {
        case .cancel: "cancel"
        case .pause: "pause"
        case .resume: "resume"
        case .retry: "retry"
        case .prioritize: "priority"
        }
    }

    var body: [UInt8] {
        guard case .prioritize(let priority) = self else { return [] }
        return Array(#"{"priority":"\#(priority.rawValue)"}"#.utf8)
    }
}

/// A priority in the words of `/v1/jobs`.
enum PriorityName: String, Sendable, Encodable, ExpressibleByArgument, CaseIterable {
    case interactive, bulk

    var value: JobPriority {
        switch self {
        case .interactive: .interactive
        case .bulk: .bulk
        }
    }
}

extension JobStore {
    func steer(_ id: String, _ action: JobAction) async throws -> JobView {
        let id = JobID(rawValue: id)
        let job =
            switch action {
            case .cancel: try await cancel(id)
            case .pause: try await pause(id)
            case .resume: try await resume(id)
            case .retry: try await retry(id)
            case .prioritize(let priority): try await prioritize(id, priority.value)
            }
        guard let job else { throw CommandError.noSuchJob(id.rawValue) }
        return JobView(job)
    }
}
