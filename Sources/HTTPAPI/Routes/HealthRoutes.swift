import Hummingbird

/// Whether the process lives and whether it can answer: NIM's two routes in NIM's words, and vLLM's `/health` and
/// `/ping`. Open to everybody.
struct HealthRoutes: Sendable {
    let health: ServiceHealth

    func add(to router: some RouterMethods<APIContext>) {
        router.get("v1/health/live") { _, _ in
            Response(json: ["object": "readyhealth.response", "message": "Service is live."])
        }
        router.get("v1/health/ready") { _, _ in
            if let reason { throw reason }
            return Response(json: ["object": "health.response", "message": "Service is ready."])
        }
        router.get("health") { _, _ in Response(status: reason?.status ?? .ok) }
        router.get("ping") { _, _ in Response(status: reason?.status ?? .ok) }
        router.post("ping") { _, _ in Response(status: reason?.status ?? .ok) }
    }

    /// Why the service is not ready; nil when it is.
    private var reason: APIError? {
        switch health.state {
        case .ready: nil
        case .starting: .unavailable("Service is not ready: the model is being loaded.", retryAfter: 5)
        case .draining: .unavailable("Service is not ready: it is shutting down.", retryAfter: 5)
        case .broken: .unavailable("Service is not ready: the engine is lost.", retryAfter: 60)
        }
    }
}
