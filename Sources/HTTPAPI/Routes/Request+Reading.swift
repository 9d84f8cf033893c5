import Hummingbird
import NIOCore

extension Request {
    /// A body that is said to be JSON. vLLM answers another content type with 400, not 415.
    func jsonBody(upTo limit: Int, counting share: BodyBudget.Share, context: APIContext) async throws -> ByteBuffer {
        let type = headers[.contentType]?.split(separator: ";").first?.lowercased() ?? ""
        guard type.filter({ $0 != " " }) == "application/json" else {
            throw APIError.malformed("Content-Type must be application/json", param: nil)
        }
        let length = headers[.contentLength].flatMap(Int.init) ?? 0
        guard length <= limit else { throw APIError.bodyTooLarge }
        if headers[.expect] != nil { context.askForBody() }
        return try await whole(upTo: limit, counting: share)
    }

    private func whole(upTo limit: Int, counting share: BodyBudget.Share) async throws -> ByteBuffer {
        var whole = ByteBuffer()
        for try await part in body {
            guard whole.readableBytes + part.readableBytes <= limit else { throw APIError.bodyTooLarge }
            try share.take(part.readableBytes)
            whole.writeImmutableBuffer(part)
        }
        return whole
    }

    /// RFC 7240: preferences may stand in several headers, with parameters, in any case.
    var prefersAsynchronousAnswer: Bool {
        headers[values: .prefer].contains { value in
            value.split(separator: ",").contains { preference in
                preference.prefix { $0 != ";" }.filter { $0 != " " }.lowercased() == "respond-async"
            }
        }
    }

    /// A number from the query, within `range`.
    func queryInteger(_ name: String, in range: ClosedRange<Int>, default value: Int) throws(APIError) -> Int {
        guard let text = uri.queryParameters[Substring(name)] else { return value }
        guard let number = Int(text), range.contains(number) else {
            throw .badRequest("\(name) must be from \(range.lowerBound) to \(range.upperBound)", param: name)
        }
        return number
    }

    func queryText(_ name: String) -> String? { uri.queryParameters[Substring(name)].map(String.init) }
}
