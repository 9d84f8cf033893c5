import Hummingbird
import Inference
import Jobs
import Workers

/// `GET /v1/status`: how the service is, in one object for people's pages; `/metrics` has the same for programs.
struct StatusRoutes: Sendable {
    let store: JobStore
    let dispatcher: Dispatcher
    let engine: @Sendable () -> EngineMetrics
    let health: ServiceHealth
    let modelName: String
    let configuration: ServerConfiguration

    func add(to router: some RouterMethods<APIContext>) {
        router.get("v1/status", use: status)
    }

    @Sendable private func status(_ request: Request, context: APIContext) async throws -> Response {
        let queue = try await store.statistics()
        let (engine, work) = (engine(), dispatcher.statistics)
        return Response(
            json: [
                "object": "status",
                "model": .string(modelName),
                "version": .string(MetadataRoutes.release),
                "state": .string(Self.name(of: health.state)),
                "device": .optional(configuration.device),
                "reads_directories": .bool(!configuration.allowedRoots.isEmpty),
                "queue": [
                    "waiting_interactive": .int(queue.waitingInteractive),
                    "waiting_bulk": .int(queue.waitingBulk),
                    "running": .int(queue.running),
                    "oldest_waiting_seconds": .optional(queue.oldestWaitingMilliseconds.map { Int($0 / 1000) }),
                ],
                "engine": [
                    "running_sequences": .int(engine.runningSequences),
                    "waiting_sequences": .int(engine.waitingSequences),
                    "used_pages": .int(engine.usedPages),
                    "total_pages": .int(engine.totalPages),
                    "generated_tokens": .int(engine.generatedTokens),
                    "prefilled_tokens": .int(engine.prefilledTokens),
                    "encoded_images": .int(engine.encodedImages),
                ],
                "requests": [
                    "succeeded": .int(work.requestsSucceeded),
                    "failed": .int(work.requestsFailed),
                ],
            ])
    }

    private static func name(of state: ServiceHealth.State) -> String {
        switch state {
        case .starting: "starting"
        case .ready: "ready"
        case .draining: "draining"
        case .broken: "broken"
        }
    }
}
