import Hummingbird
import Jobs

/// `/v1/jobs`: what was asked for, how far it is, what came of it, and the means to steer it.
struct JobRoutes: Sendable {
    let store: JobStore
    let modelName: String
    let configuration: ServerConfiguration

    static let longestPage = 1000

    func add(to router: some RouterMethods<APIContext>) {
        router.get("v1/jobs", use: list)
        router.get("v1/jobs/:id", use: show)
        router.delete("v1/jobs/:id") { _, context in try await steer(context) { try await store.cancel($0) } }
        router.post("v1/jobs/:id/cancel") { _, context in try await steer(context) { try await store.cancel($0) } }
        router.post("v1/jobs/:id/pause") { _, context in try await steer(context) { try await store.pause($0) } }
        router.post("v1/jobs/:id/resume") { _, context in try await steer(context) { try await store.resume($0) } }
        router.post("v1/jobs/:id/retry") { _, context in try await steer(context) { try await store.retry($0) } }
        router.get("v1/jobs/:id/requests") { request, context in try await requests(request, context, finalOnly: false)
        }
        router.get("v1/jobs/:id/results") { request, context in try await requests(request, context, finalOnly: true) }
        router.get("v1/jobs/:id/events", use: events)
    }

    @Sendable private func list(_ request: Request, context: APIContext) async throws -> Response {
        let limit = try request.queryInteger("limit", in: 1...Self.longestPage, default: 20)
        let after = request.queryText("after").map(JobID.init(rawValue:))
        if let after { _ = try await known(after) }
        let jobs = try await store.jobs(limit: limit + 1, after: after)
        return Response(
            json: Self.page(
                jobs.prefix(limit).map { ($0.id.rawValue, JobObject(job: $0).json) }, hasMore: jobs.count > limit))
    }

    @Sendable private func show(_ request: Request, context: APIContext) async throws -> Response {
        let job = try await known(id(context))
        var object = JobObject(job: job)
        if job.isFinished, job.counts.total == 1 {
            object.onlyRequest = try await store.requests(of: job.id, state: nil, after: nil, limit: 1).first
                .map { RequestObject(request: $0, modelName: modelName) }
        }
        return Response(json: object.json)
    }

    private func steer(_ context: APIContext, _ action: (JobID) async throws -> Job?) async throws -> Response {
        let id = try id(context)
        guard let job = try await action(id) else { throw Self.unknown(id) }
        return Response(json: JobObject(job: job).json)
    }

    private func requests(_ request: Request, _ context: APIContext, finalOnly: Bool) async throws -> Response {
        let job = try await known(id(context))
        let limit = try request.queryInteger("limit", in: 1...Self.longestPage, default: 100)
        let after = try request.queryText("after").map(Self.requestID)
        let state = try request.queryText("state").map(Self.state)
        var found = try await store.requests(of: job.id, state: state, after: after, limit: limit + 1)
        let hasMore = found.count > limit
        found = Array(found.prefix(limit))
        let objects = found.map { RequestObject(request: $0, modelName: modelName) }
        let page = Self.page(
            objects.filter { !finalOnly || $0.request.state.isFinal }.map { ($0.id, $0.json) }, hasMore: hasMore,
            last: objects.last?.id)
        return Response(json: page)
    }

    /// The job after every change, until it is finished, the client is gone, or the server shuts down.
    @Sendable private func events(_ request: Request, context: APIContext) async throws -> Response {
        let job = try await known(id(context))
        let stream = EventStream(
            disconnection: await context.disconnection(), keepAliveInterval: configuration.keepAliveInterval)
        return stream.response(of: store.changes(of: job.id), endsAtShutdown: true) { [JobObject(job: $0).json.text] }
    }

    // MARK: Ids and pages

    private func id(_ context: APIContext) throws -> JobID {
        JobID(rawValue: try context.parameters.require("id"))
    }

    private func known(_ id: JobID) async throws -> Job {
        guard let job = try await store.job(id) else { throw Self.unknown(id) }
        return job
    }

    private static func unknown(_ id: JobID) -> APIError {
        .notFound("There is no job \(id.rawValue.prefix(100)).", param: "id")
    }

    private static func requestID(_ text: String) throws(APIError) -> Jobs.RequestID {
        guard text.hasPrefix(RequestObject.idPrefix), let number = Int64(text.dropFirst(RequestObject.idPrefix.count))
        else { throw .badRequest("after must be the id of a request", param: "after") }
        return Jobs.RequestID(rawValue: number)
    }

    private static func state(_ text: String) throws(APIError) -> RequestState {
        guard let state = RequestState(rawValue: text) else {
            let names = RequestState.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badRequest("state must be one of \(names)", param: "state")
        }
        return state
    }

    /// OpenAI's list: `last_id` is what the next page's `after` is.
    private static func page(_ objects: [(id: String, json: JSONNode)], hasMore: Bool, last: String? = nil) -> JSONNode
    {
        [
            "object": "list",
            "data": .array(objects.map(\.json)),
            "first_id": .optional(objects.first?.id),
            "last_id": .optional(last ?? objects.last?.id),
            "has_more": .bool(hasMore),
        ]
    }
}
