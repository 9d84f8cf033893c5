import Hummingbird
import Jobs

/// `/v1/jobs`: what was asked for, how far it is, and the means to steer it.
struct JobRoutes: Sendable {
    let store: JobStore
    let modelName: String
    let configuration: ServerConfiguration

    static let longestPage = 1000
    static let mostKinds = 16

    func add(to router: some RouterMethods<APIContext>) {
        router.get("v1/jobs", use: list)
        router.get("v1/jobs/:id", use: show)
        router.delete("v1/jobs/:id") { _, context in try await steer(context) { try await store.cancel($0) } }
        router.post("v1/jobs/:id/cancel") { _, context in try await steer(context) { try await store.cancel($0) } }
        router.post("v1/jobs/:id/pause") { _, context in try await steer(context) { try await store.pause($0) } }
        router.post("v1/jobs/:id/resume") { _, context in try await steer(context) { try await store.resume($0) } }
        router.post("v1/jobs/:id/retry") { _, context in try await steer(context) { try await store.retry($0) } }
        router.get("v1/jobs/:id/events", use: events)
    }

    @Sendable private func list(_ request: Request, context: APIContext) async throws -> Response {
        let limit = try request.queryInteger("limit", in: 1...Self.longestPage, default: 20)
        let after = request.queryText("after").map(JobID.init(rawValue:))
        if let after { _ = try await store.known(after) }
        let state = try request.queryCase("status", of: JobState.self)
        let kinds = request.queryText("kind")?.split(separator: ",").map(String.init)
        guard kinds?.count ?? 0 <= Self.mostKinds else {
            throw APIError.badRequest("kind has more than \(Self.mostKinds) kinds", param: "kind")
        }
        let found = try await store.jobs(limit: limit + 1, after: after, state: state, kinds: kinds)
        var objects: [(id: String, json: JSONNode)] = []
        for job in found.prefix(limit) {
            objects.append((job.id.rawValue, JobObject(job: job, pace: try await store.pace(of: job)).json))
        }
        return Response(json: .page(objects, hasMore: found.count > limit))
    }

    @Sendable private func show(_ request: Request, context: APIContext) async throws -> Response {
        let job = try await store.known(context.jobID)
        var object = JobObject(job: job, pace: try await store.pace(of: job))
        if job.isFinished, job.counts.total == 1 {
            object.onlyRequest = try await store.requests(of: job.id, state: nil, after: nil, limit: 1).first
                .map { RequestObject(request: $0, modelName: modelName) }
        }
        return Response(json: object.json)
    }

    private func steer(_ context: APIContext, _ action: (JobID) async throws -> Job?) async throws -> Response {
        let id = try context.jobID
        guard let job = try await action(id) else { throw APIError.unknownJob(id) }
        return Response(json: JobObject(job: job).json)
    }

    /// The job after every change, until it is finished, the client is gone, or the server shuts down.
    @Sendable private func events(_ request: Request, context: APIContext) async throws -> Response {
        let job = try await store.known(context.jobID)
        let stream = EventStream(
            disconnection: await context.disconnection(), keepAliveInterval: configuration.keepAliveInterval)
        return stream.response(of: store.changes(of: job.id), endsAtShutdown: true) { [JobObject(job: $0).json.text] }
    }
}

extension APIContext {
    /// The job in the path.
    var jobID: JobID { get throws { JobID(rawValue: try parameters.require("id")) } }
}

extension JobStore {
    func known(_ id: JobID) async throws -> Job {
        guard let job = try await job(id) else { throw APIError.unknownJob(id) }
        return job
    }
}

extension APIError {
    static func unknownJob(_ id: JobID) -> APIError {
        .notFound("There is no job \(id.rawValue.prefix(100)).", param: "id")
    }
}

extension JSONNode {
    /// OpenAI's list: `last_id` is what the next page's `after` is.
    static func page(_ objects: [(id: String, json: JSONNode)], hasMore: Bool) -> JSONNode {
        [
            "object": "list",
            "data": .array(objects.map(\.json)),
            "first_id": .optional(objects.first?.id),
            "last_id": .optional(objects.last?.id),
            "has_more": .bool(hasMore),
        ]
    }
}
