import Hummingbird
import Logging

/// One line for every request, and its place in the metrics. A streamed answer counts when its head is sent.
struct AccessLog: RouterMiddleware {
    typealias Context = APIContext

    let calls: CallMeasurements

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let response = try await next(request, context)
        let time = ContinuousClock.now - start
        calls.note(context.endpointPath, request.method, response.status, took: time)
        context.logger.info(
            "\(request.method.rawValue) \(request.uri.path)",
            metadata: [
                "status": "\(response.status.code)", "route": "\(context.endpointPath ?? "-")",
                "seconds": "\(time / .seconds(1))",
            ])
        return response
    }
}
