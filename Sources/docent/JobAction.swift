import Jobs

/// What people can do to a job. Only the owner of its database can do it, or have it done.
enum JobAction: String, Sendable { case cancel, pause, resume, retry }

extension JobStore {
    func steer(_ id: String, _ action: JobAction) async throws -> JobView {
        let id = JobID(rawValue: id)
        let job =
            switch action {
            case .cancel: try await cancel(id)
            case .pause: try await pause(id)
            case .resume: try await resume(id)
            case .retry: try await retry(id)
            }
        guard let job else { throw CommandError.noSuchJob(id.rawValue) }
        return JobView(job)
    }
}
