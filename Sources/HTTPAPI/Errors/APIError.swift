import Hummingbird

/// What a client is told when its request cannot be answered: vLLM's error object, its HTTP status as an integer code.
struct APIError: Error, Sendable, Equatable {
    var status: HTTPResponse.Status
    var type: String
    var message: String
    var param: String?
    /// The failure's own name, which stays the same when sentences change: ours, beside vLLM's keys, for what an image or a
    /// stored request suffered.
    var docentCode: String?
    /// Seconds after which another try may succeed.
    var retryAfter: Int?

    init(_ status: HTTPResponse.Status, type: String, _ message: String, param: String? = nil, retryAfter: Int? = nil) {
        self.status = status
        self.type = type
        self.message = message
        self.param = param
        self.retryAfter = retryAfter
    }

    /// The body is not what its schema says.
    static func malformed(_ message: String, param: String?) -> APIError {
        APIError(.badRequest, type: "Bad Request", message, param: param)
    }

    /// A rule about values is broken.
    static func badRequest(_ message: String, param: String? = nil) -> APIError {
        APIError(.badRequest, type: "BadRequestError", message, param: param)
    }

    static func notFound(_ message: String, param: String? = nil) -> APIError {
        APIError(.notFound, type: "NotFoundError", message, param: param)
    }

    static func unavailable(_ message: String, retryAfter: Int) -> APIError {
        APIError(.serviceUnavailable, type: "ServiceUnavailableError", message, retryAfter: retryAfter)
    }

    static let `internal` = APIError(
        .internalServerError, type: "InternalServerError",
        "The server made an error; its log has the cause under the request's id."
    )

    /// Longest message that is sent: an error body stays below 4 kB whatever a client put into its request.
    static let longestMessage = 1000

    var json: JSONNode { ["error": object] }

    var object: JSONNode {
        let object: JSONNode = [
            "message": .string(
                message.count > Self.longestMessage ? message.prefix(Self.longestMessage) + "…" : message),
            "type": .string(type),
            "param": .optional(param),
            "code": .int(status.code),
        ]
        return docentCode.map { object.adding("docent_code", .string($0)) } ?? object
    }

    var response: Response {
        var response = Response(json: json, status: status)
        if let retryAfter { response.headers[.retryAfter] = String(retryAfter) }
        if status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        return response
    }
}
