import Hummingbird
import Logging

/// One line for every request. A streamed answer is logged when its head is sent.
struct AccessLog: RouterMiddleware {
    typealias Context = APIContext

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let response = try await next(request, context)
        context.logger.info(
            "\(request.method.rawValue) \(request.uri.path)",
            metadata: [
                "status": "\(response.status.code)", "route": "\(context.endpointPath ?? "-")",
                "seconds": "\((ContinuousClock.now - start) / .seconds(1))",
            ])
        return response
    }
}
