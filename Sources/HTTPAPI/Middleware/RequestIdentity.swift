import Hummingbird
import Logging

/// Gives every request an id: the client's, when it is harmless in a log, or a new one; it goes back with the response.
struct RequestIdentity: RouterMiddleware {
    typealias Context = APIContext

    static let longestID = 128

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.requestID = Self.acceptable(request.headers[.requestID]) ?? HexadecimalID.make()
        context.logger[metadataKey: "request"] = .string(context.requestID)
        var response = try await next(request, context)
        response.headers[.requestID] = context.requestID
        return response
    }

    static func acceptable(_ id: String?) -> String? {
        guard let id, (1...longestID).contains(id.utf8.count),
            id.utf8.allSatisfy({ 48...57 ~= $0 || 65...90 ~= $0 || 97...122 ~= $0 || "-_.:".utf8.contains($0) })
        else { return nil }
        return id
    }
}

/// 128 random bits as 32 hexadecimal digits.
enum HexadecimalID {
    static func make() -> String {
        [UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max)]
            .map { number in
                let digits = String(number, radix: 16)
                return String(repeating: "0", count: 16 - digits.count) + digits
            }
            .joined()
    }
}
