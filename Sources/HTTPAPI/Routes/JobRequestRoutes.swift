import Hummingbird
import Jobs
import NIOCore

/// A job's requests: all of them, what came of those that ended, and the picture of each.
struct JobRequestRoutes: Sendable {
    let store: JobStore
    let modelName: String
    let images: RequestImages
    /// Knows what recipes do to answers; nil where nobody makes jobs of orders.
    let intake: (any JobIntake)?

    func add(to router: some RouterMethods<APIContext>) {
        router.get("v1/jobs/:id/requests") { request, context in
            try await list(request, context, of: Set(RequestState.allCases))
        }
        router.get("v1/jobs/:id/results") { request, context in
            let ended = Set(RequestState.allCases.filter(\.isFinal))
            guard try request.wantsLines() else { return try await list(request, context, of: ended) }
            return try await lines(request, context, of: ended)
        }
        router.get("v1/jobs/:id/requests/:request/image", use: image)
    }

    private func list(
        _ request: Request, _ context: APIContext, of all: Set<RequestState>
    ) async throws -> Response {
        let job = try await store.known(context.jobID)
        let limit = try request.queryInteger("limit", in: 1...JobRoutes.longestPage, default: 100)
        let page = try Page(request, of: all)
        let found = try await store.requests(
            of: job.id, states: page.states, after: page.after, limit: limit + 1, newestFirst: page.newestFirst)
        let steps = intake?.postprocessing(of: job)
        let objects = found.prefix(limit).map {
            RequestObject(request: $0, modelName: modelName, postprocessing: steps)
        }
        return Response(json: .page(objects.map { ($0.id, $0.json) }, hasMore: found.count > limit))
    }

    /// Rows that are in memory at a time, of however many there are.
    private static let chunk = 64

    /// Every row from `after` on, or `limit` of them, one a line. A reader that is cut off goes on after its last line's id.
    private func lines(
        _ request: Request, _ context: APIContext, of all: Set<RequestState>
    ) async throws -> Response {
        let job = try await store.known(context.jobID)
        let page = try Page(request, of: all)
        let limit = try request.queryInteger("limit", in: 1...Int.max, default: .max)
        let (store, modelName, steps) = (store, modelName, intake?.postprocessing(of: job))
        let body = ResponseBody { writer in
            var rest = limit
            var after = page.after
            while rest > 0 {
                let found = try await store.requests(
                    of: job.id, states: page.states, after: after, limit: min(Self.chunk, rest),
                    newestFirst: page.newestFirst)
                guard let last = found.last else { break }
                let text = found.map {
                    RequestObject(request: $0, modelName: modelName, postprocessing: steps).json.text + "\n"
                }.joined()
                try await writer.write(ByteBuffer(string: text))
                (after, rest) = (last.id, rest - found.count)
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "application/x-ndjson"], body: body)
    }

    @Sendable private func image(_ request: Request, context: APIContext) async throws -> Response {
        let job = try await store.known(context.jobID)
        guard let id = Jobs.RequestID(try context.parameters.require("request")),
            let stored = try await store.request(id), stored.jobID == job.id
        else { throw APIError.notFound("The job has no such request.", param: "request") }
        return try await images.response(to: stored)
    }

    /// Which requests are asked for.
    private struct Page {
        let states: Set<RequestState>
        let after: Jobs.RequestID?
        let newestFirst: Bool

        init(_ request: Request, of all: Set<RequestState>) throws(APIError) {
            let state = try request.queryCase("state", of: RequestState.self)
            states = state.map { all.intersection([$0]) } ?? all
            newestFirst = try request.queryCase("order", of: PageOrder.self) == .desc
            guard let text = request.queryText("after") else {
                after = nil
                return
            }
            guard let id = Jobs.RequestID(text) else {
                throw .badRequest("after must be the id of a request", param: "after")
            }
            after = id
        }
    }
}

/// OpenAI's names for the order of a list.
enum PageOrder: String, CaseIterable { case asc, desc }

extension Jobs.RequestID {
    /// "req_12", as `RequestObject` writes it.
    fileprivate init?(_ text: String) {
        guard text.hasPrefix(RequestObject.idPrefix), let number = Int64(text.dropFirst(RequestObject.idPrefix.count))
        else { return nil }
        self.init(rawValue: number)
    }
}

extension Request {
    /// JSON lines instead of a page: by `?format=jsonl`, or because the client accepts nothing before them.
    fileprivate func wantsLines() throws(APIError) -> Bool {
        if let format = queryText("format") {
            guard ["json", "jsonl"].contains(format) else {
                throw .badRequest("format must be json or jsonl", param: "format")
            }
            return format == "jsonl"
        }
        let first = headers[.accept]?.split(separator: ",").first?.split(separator: ";").first
        return ["application/x-ndjson", "application/jsonl"].contains(first?.filter { $0 != " " }.lowercased())
    }

    /// A value from the query that is one of a few.
    func queryCase<Value: RawRepresentable<String> & CaseIterable>(
        _ name: String, of type: Value.Type
    ) throws(APIError) -> Value? {
        guard let text = queryText(name) else { return nil }
        guard let value = Value(rawValue: text) else {
            let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badRequest("\(name) must be one of \(names)", param: name)
        }
        return value
    }
}
