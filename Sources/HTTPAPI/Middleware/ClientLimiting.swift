import HTTPTypes
import Hummingbird

/// Holds each client to its limits, and tells it of them in OpenAI's headers. Looking is free; what makes work counts.
struct ClientLimiting: RouterMiddleware {
    typealias Context = APIContext

    let use: ClientUse
    /// Of clients whose key has none of its own, and of everybody where there are no keys.
    let limits: ClientLimits

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard request.method == .post else { return try await next(request, context) }
        let (place, allowance) = try use.enter(context.client?.name ?? "", context.client?.limits ?? limits)
        var response = try await next(request, context)
        let body = response.body
        response.body = ResponseBody(contentLength: body.contentLength) { writer in
            defer { place.leave() }
            try await body.write(writer)
        }
        if let allowance {
            response.headers[.rateLimit] = String(allowance.limit)
            response.headers[.rateRemaining] = String(allowance.remaining)
            response.headers[.rateReset] = "\((allowance.reset / .milliseconds(1)).rounded(.up) / 1000)s"
        }
        return response
    }
}
