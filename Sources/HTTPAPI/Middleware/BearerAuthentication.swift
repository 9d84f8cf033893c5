import Crypto
import Hummingbird
import Logging

/// Lets in who presents one of the keys as `Authorization: Bearer …`; everybody where there are none.
///
/// Keys are compared as hashes, all of them, each in constant time: neither a common beginning nor a match shows in the
/// time that the answer takes.
struct BearerAuthentication: RouterMiddleware {
    typealias Context = APIContext

    let keys: [ClientKey]

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        if keys.isEmpty { return try await next(request, context) }
        guard let client = client(request.headers[.authorization]) else {
            throw APIError(
                .unauthorized, type: "AuthenticationError",
                "A valid API key is needed: send it as \"Authorization: Bearer KEY\".")
        }
        var context = context
        context.client = client
        context.logger[metadataKey: "client"] = .string(client.name)
        return try await next(request, context)
    }

    private func client(_ authorization: String?) -> ClientKey? {
        guard let authorization else { return nil }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        let presented = ClientKey.hash(of: parts[1].utf8)
        // Digest's == is constant-time, and no key's comparison is left out.
        let matches = keys.map { presented == $0.hash }
        return zip(keys, matches).first(where: \.1)?.0
    }
}
