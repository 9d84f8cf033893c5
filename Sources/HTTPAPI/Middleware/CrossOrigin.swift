import Hummingbird

/// Lets pages of the origins that were named read answers in a browser (the Fetch standard's CORS protocol); nobody's unless
/// any are.
struct CrossOrigin: RouterMiddleware {
    typealias Context = APIContext

    /// "https://example.org", as browsers write it; "*" for every page.
    let origins: [String]

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard let origin = request.headers[.origin], let allowed = allowed(origin) else {
            return try await next(request, context)
        }
        let isPreflight = request.method == .options && request.headers[.accessControlRequestMethod] != nil
        var response = isPreflight ? preflight(request) : try await next(request, context)
        response.headers[.accessControlAllowOrigin] = allowed
        if allowed != "*" { response.headers[.vary] = "Origin" }
        if !isPreflight { response.headers[.accessControlExposeHeaders] = "X-Request-Id, Retry-After, Location" }
        return response
    }

    private func allowed(_ origin: String) -> String? {
        if origins.contains("*") { return "*" }
        return origins.contains(origin) ? origin : nil
    }

    /// A browser asks before it sends what a form could not have sent. It never sends the key with that question.
    private func preflight(_ request: Request) -> Response {
        var response = Response(status: .noContent)
        response.headers[.accessControlAllowMethods] = "GET, HEAD, POST, DELETE"
        response.headers[.accessControlAllowHeaders] =
            request.headers[.accessControlRequestHeaders] ?? "Authorization, Content-Type"
        response.headers[.accessControlMaxAge] = "600"
        return response
    }
}
