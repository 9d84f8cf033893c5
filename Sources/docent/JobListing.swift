import Jobs

/// Jobs as `docent jobs` looks at them: in a database of this machine, or on a server.
protocol JobListing: Sendable {
    /// Newest first.
    func jobs(limit: Int) async throws -> [JobView]
    func job(_ id: String) async throws -> JobView
    func failures(of id: String, limit: Int) async throws -> [FailureView]
    /// Requests that have ended, in the order they were stored.
    /// - Parameter after: the last id of the page before.
    func results(of id: String, after: String?) async throws -> [ResultView]
    /// False when nobody is there who could take an unfinished job further.
    var hasWorker: Bool { get }
}

extension JobListing {
    /// Looks once a second and tells every change; returns the job at its end, or as it is when nobody works on it.
    func watch(_ id: String, _ show: (JobView) throws -> Void) async throws -> JobView {
        var last: JobView?
        while true {
            // Asked first: a worker that ends after this look has committed all that it did before the next one.
            let isWorkedOn = hasWorker
            let job = try await job(id)
            if job != last { try show(job) }
            if job.isFinished || !isWorkedOn { return job }
            last = job
            try await Task.sleep(for: .seconds(1))
        }
    }
}

/// The jobs of a database of this machine, whoever has it open.
struct DatabaseJobs: JobListing {
    let reader: JobReader

    var hasWorker: Bool { reader.owner != nil }

    func jobs(limit: Int) async throws -> [JobView] { try await reader.jobs(limit: limit).map(JobView.init) }

    func job(_ id: String) async throws -> JobView {
        guard let job = try await reader.job(JobID(rawValue: id)) else { throw CommandError.noSuchJob(id) }
        return JobView(job)
    }

    func failures(of id: String, limit: Int) async throws -> [FailureView] {
        try await reader.requests(of: JobID(rawValue: id), state: .failed, limit: limit).map {
            FailureView(key: $0.key, message: $0.failure?.message ?? FailureView.unknownReason)
        }
    }
}

/// The jobs of a server.
struct ServerJobs: JobListing {
    let server: ServerClient

    var hasWorker: Bool { true }

    func jobs(limit: Int) async throws -> [JobView] {
        try await server.get("/v1/jobs?limit=\(limit)", as: ServerList<JobView>.self).data
    }

    func job(_ id: String) async throws -> JobView { try await server.get("/v1/jobs/\(try Self.checked(id))") }

    func failures(of id: String, limit: Int) async throws -> [FailureView] {
        let path = "/v1/jobs/\(try Self.checked(id))/requests?state=failed&limit=\(limit)"
        return try await server.get(path, as: ServerList<FailedRequest>.self).data.map {
            FailureView(key: $0.key, message: $0.error?.message ?? FailureView.unknownReason)
        }
    }

    func steer(_ id: String, _ action: JobAction) async throws -> JobView {
        try await server.post("/v1/jobs/\(try Self.checked(id))/\(action.path)", body: action.body)
    }

    /// Ids go into paths: nothing but their own alphabet may.
    static func checked(_ id: String) throws(CommandError) -> String {
        guard !id.isEmpty, id.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }) else {
            throw .noSuchJob(id)
        }
        return id
    }

    private struct FailedRequest: Decodable, Sendable {
        let key: String
        let error: ServerProblem?
    }
}
