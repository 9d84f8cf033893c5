import Hummingbird
import Logging

/// The one place where errors become answers.
///
/// What a client did wrong is told with its cause; everything else is logged under the request's id and told without:
/// texts of libraries, paths and addresses stay here.
struct ErrorMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let routes: RouteTable

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch is ClientGone {
            context.logger.debug("the client went away")
            return APIError.cancelled.response
        } catch let error as HTTPError where error.status == .notFound && context.endpointPath == "NotFound" {
            return unrouted(request)
        } catch {
            guard let known = APIError(cause: error) else {
                context.logger.error("request failed", metadata: ["error": "\(error)"])
                return APIError.internal.response
            }
            if known.status.kind == .serverError {
                context.logger.warning("request refused", metadata: ["error": "\(error)"])
            }
            return known.response
        }
    }

    private func unrouted(_ request: Request) -> Response {
        let methods = routes.methods(for: request.uri.path)
        guard !methods.isEmpty else {
            return APIError(.notFound, type: "Not Found", "There is nothing at this path.").response
        }
        var response = APIError(
            .methodNotAllowed, type: "Method Not Allowed",
            "\(request.method.rawValue) is not possible here, only \(methods.joined(separator: ", "))."
        ).response
        response.headers[.allow] = methods.joined(separator: ", ")
        return response
    }
}
