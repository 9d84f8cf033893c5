import Hummingbird
import Jobs
import Models
import Workers

/// `POST /v1/jobs`, and the priority of a job: what comes with a body.
struct JobOrderRoutes: Sendable {
    let store: JobStore
    /// Nil where nobody makes jobs of orders.
    let intake: (any JobIntake)?
    let rules: ChatRules
    let configuration: ServerConfiguration
    let bodies: BodyBudget
    /// Ten thousand addresses are a megabyte of JSON, and a directory may be on a slow disk.
    private let readers = BlockingPool(threads: 1)

    init(
        store: JobStore, intake: (any JobIntake)?, rules: ChatRules, configuration: ServerConfiguration,
        bodies: BodyBudget
    ) {
        self.store = store
        self.intake = intake
        self.rules = rules
        self.configuration = configuration
        self.bodies = bodies
    }

    func add(to router: some RouterMethods<APIContext>) {
        router.post("v1/jobs", use: create)
        router.post("v1/jobs/:id/priority", use: prioritize)
    }

    /// As OpenAI has it for keys of clients.
    static let longestIdempotencyKey = 255

    @Sendable private func create(_ request: Request, context: APIContext) async throws -> Response {
        guard let intake else {
            throw APIError(.forbidden, type: "PermissionDeniedError", "This server takes no orders for jobs.")
        }
        let key = try Self.idempotencyKey(of: request)
        let share = bodies.share()
        let body = try await request.jsonBody(upTo: configuration.maxBodyBytes, counting: share, context: context)
        defer { share.giveBack() }
        let (rules, roots) = (rules, configuration.allowedRoots)
        var order = try await readers.run { try JobOrder(JSONValue(body: body), rules: rules, roots: roots) }
        order.deduplicationKey = key
        do {
            let (job, isNew) = try await intake.accept(order)
            var response = Response(json: JobObject(job: job).json, status: isNew ? .created : .ok)
            response.headers[.location] = "/v1/jobs/\(job.id)"
            return response
        } catch let refusal as JobRefusal {
            throw APIError(refusal)
        }
    }

    @Sendable private func prioritize(_ request: Request, context: APIContext) async throws -> Response {
        let id = JobID(rawValue: try context.parameters.require("id"))
        let share = bodies.share()
        let body = try await request.jsonBody(upTo: 1 << 16, counting: share, context: context)
        defer { share.giveBack() }
        guard let priority = try JobOrder.priority(JSONFields(JSONValue(body: body), path: "body")) else {
            throw APIError.malformed("body.priority is missing", param: "body.priority")
        }
        guard let job = try await store.prioritize(id, priority) else {
            throw APIError.notFound("There is no job \(id.rawValue.prefix(100)).", param: "id")
        }
        return Response(json: JobObject(job: job).json)
    }

    private static func idempotencyKey(of request: Request) throws(APIError) -> String? {
        guard let key = request.headers[.idempotencyKey] else { return nil }
        guard (1...longestIdempotencyKey).contains(key.utf8.count) else {
            throw .badRequest(
                "Idempotency-Key must have from 1 to \(longestIdempotencyKey) bytes", param: "Idempotency-Key")
        }
        return "idempotency:" + key
    }
}

extension APIError {
    init(_ refusal: JobRefusal) {
        switch refusal {
        case .invalid(let param, let reason): self = .badRequest(reason, param: param)
        case .otherOrder(let id):
            self.init(
                .unprocessableContent, type: "UnprocessableEntityError",
                "The Idempotency-Key was given with another order, which is the job \(id).", param: "Idempotency-Key")
        }
    }
}
