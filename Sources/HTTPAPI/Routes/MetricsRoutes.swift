import Hummingbird
import Inference
import Jobs
import Workers

/// `/metrics`, and `/v1/metrics` where NIM has it, for Prometheus.
struct MetricsRoutes: Sendable {
    let store: JobStore
    let dispatcher: Dispatcher
    let engine: @Sendable () -> EngineMetrics
    let calls: CallMeasurements
    let admission: Admission
    let modelName: String

    func add(to router: some RouterMethods<APIContext>) {
        router.get("metrics", use: metrics)
        router.get("v1/metrics", use: metrics)
    }

    @Sendable private func metrics(_ request: Request, context: APIContext) async throws -> Response {
        let service = ServiceMetrics(
            engine: engine(), work: dispatcher.statistics, queue: try await store.statistics(),
            openCalls: admission.waiting, maxOpenCalls: admission.limit)
        var text = service.vllm(model: modelName)
        for more in [service.nim(model: modelName), service.docent(), calls.text(), ProcessMetrics.text()] {
            text.append(more)
        }
        return Response(
            status: .ok, headers: [.contentType: PrometheusText.contentType],
            body: .init(byteBuffer: ByteBuffer(string: text.text)))
    }
}
