import Crypto
import Hummingbird

/// Lets in who presents one of the keys as `Authorization: Bearer …`.
///
/// Keys are compared as hashes, all of them, each in constant time: neither a common beginning nor a match shows in the
/// time that the answer takes.
struct BearerAuthentication: RouterMiddleware {
    typealias Context = APIContext

    private let keys: [SHA256Digest]

    init(keys: [String]) {
        self.keys = keys.map { SHA256.hash(data: Array($0.utf8)) }
    }

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard keys.isEmpty || isKnown(request.headers[.authorization]) else {
            throw APIError(
                .unauthorized, type: "AuthenticationError",
                "A valid API key is needed: send it as \"Authorization: Bearer KEY\".")
        }
        return try await next(request, context)
    }

    private func isKnown(_ authorization: String?) -> Bool {
        guard let authorization else { return false }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return false }
        let presented = SHA256.hash(data: Array(parts[1].utf8))
        // Digest's == is constant-time.
        return keys.map { $0 == presented }.contains(true)
    }
}
