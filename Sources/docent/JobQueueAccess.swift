import Jobs

/// What people can do to a job.
enum JobAction: String, Sendable { case cancel, pause, resume, retry }

/// The queue as `docent jobs` sees it: a database of this machine, or a server.
protocol JobQueueAccess: Sendable {
    func jobs(limit: Int) async throws -> [JobView]
    func job(_ id: String) async throws -> JobView
    func failures(of id: String, limit: Int) async throws -> [FailureView]
    func steer(_ id: String, _ action: JobAction) async throws -> JobView
    /// Tells every change that is seen; returns the job at its end, or as it is when nobody works on it.
    func watch(_ id: String, _ show: (JobView) throws -> Void) async throws -> JobView
}

/// The jobs of a server.
struct ServerQueue: JobQueueAccess {
    let server: ServerClient

    func jobs(limit: Int) async throws -> [JobView] {
        try await server.get("/v1/jobs?limit=\(limit)", as: ServerList<JobView>.self).data
    }

    func job(_ id: String) async throws -> JobView { try await server.get("/v1/jobs/\(try checked(id))") }

    func failures(of id: String, limit: Int) async throws -> [FailureView] {
        let path = "/v1/jobs/\(try checked(id))/requests?state=failed&limit=\(limit)"
        return try await server.get(path, as: ServerList<FailedRequest>.self).data.map {
            FailureView(key: $0.key, message: $0.error?.message ?? "no reason is on record")
        }
    }

    func steer(_ id: String, _ action: JobAction) async throws -> JobView {
        try await server.post("/v1/jobs/\(try checked(id))/\(action.rawValue)")
    }

    func watch(_ id: String, _ show: (JobView) throws -> Void) async throws -> JobView {
        var last: JobView?
        while true {
            let job = try await job(id)
            if job != last { try show(job) }
            if job.finishedAt != nil { return job }
            last = job
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// Ids go into paths: nothing but their own alphabet may.
    private func checked(_ id: String) throws(CommandError) -> String {
        guard
            id.utf8.allSatisfy({
                $0 == UInt8(ascii: "_") || Character(Unicode.Scalar($0)).isLetter
                    || Character(Unicode.Scalar($0)).isNumber
            })
        else { throw .noSuchJob(id) }
        return id
    }

    private struct FailedRequest: Decodable, Sendable {
        let key: String
        let error: Problem?
        struct Problem: Decodable { let message: String }
    }
}

/// The jobs of a database that no server has open.
struct StoreQueue: JobQueueAccess {
    private let store: JobStore

    /// Who answers for a database.
    enum Opened {
        case here(StoreQueue)
        case server(url: String)
    }

    static func open(_ options: DatabaseOptions) throws -> Opened {
        do {
            return .here(StoreQueue(store: try options.open()))
        } catch JobStoreError.locked(let pid, let url) {
            guard let url else { throw CommandError.databaseBusy(path: options.path, pid: pid) }
            return .server(url: url)
        }
    }

    func close() async throws { try await store.close() }

    func jobs(limit: Int) async throws -> [JobView] { try await store.jobs(limit: limit).map(JobView.init) }

    func job(_ id: String) async throws -> JobView {
        guard let job = try await store.job(JobID(rawValue: id)) else { throw CommandError.noSuchJob(id) }
        return JobView(job)
    }

    func failures(of id: String, limit: Int) async throws -> [FailureView] {
        try await store.requests(of: JobID(rawValue: id), state: .failed, after: nil, limit: limit).map {
            FailureView(key: $0.key, message: $0.failure?.message ?? "no reason is on record")
        }
    }

    func steer(_ id: String, _ action: JobAction) async throws -> JobView {
        let id = JobID(rawValue: id)
        let job =
            switch action {
            case .cancel: try await store.cancel(id)
            case .pause: try await store.pause(id)
            case .resume: try await store.resume(id)
            case .retry: try await store.retry(id)
            }
        guard let job else { throw CommandError.noSuchJob(id.rawValue) }
        return JobView(job)
    }

    /// Nothing changes in a database that nobody else has open.
    func watch(_ id: String, _ show: (JobView) throws -> Void) async throws -> JobView {
        let job = try await job(id)
        try show(job)
        if job.finishedAt == nil {
            StandardStream.error.writeLine("Nobody works on this database: start docent serve or caption.")
        }
        return job
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
}
