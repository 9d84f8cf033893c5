import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// A docent server, as far as `caption --server` and `jobs` need it.
struct ServerClient: Sendable {
    let base: String
    private let apiKey: String?
    private let http: HTTPClient

    /// Longest answer that is read: a page of a thousand requests with their texts stays well below.
    private static let longestAnswer = 64 << 20
    private static let patience = TimeAmount.seconds(60)

    /// Runs `work` with a client that is closed afterwards. Presents DOCENT_API_KEY where it is set.
    static func connected<Result>(
        to url: String, _ work: (ServerClient) async throws -> Result
    ) async throws -> Result {
        let base = try base(of: url)
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5), read: patience))
        // Otherwise a server that is not there is waited for as long as a slow one.
        configuration.connectionPool.retryConnectionEstablishment = false
        let apiKey = ProcessInfo.processInfo.environment["DOCENT_API_KEY"]
        return try await HTTPClient.withHTTPClient(configuration: configuration) { http in
            try await work(ServerClient(base: base, apiKey: apiKey, http: http))
        }
    }

    static func base(of url: String) throws(CommandError) -> String {
        let isWeb = url.hasPrefix("http://") || url.hasPrefix("https://")
        guard isWeb, let parsed = URL(string: url), parsed.host?.isEmpty == false else { throw .badServerURL(url) }
        return url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    func get<Answer: Decodable>(_ path: String, as type: Answer.Type = Answer.self) async throws -> Answer {
        try await send(.GET, path, body: nil)
    }

    /// - Parameter isAsynchronous: asks for 202 and a job instead of the answer itself.
    func post<Answer: Decodable>(
        _ path: String, body: [UInt8] = [], isAsynchronous: Bool = false, as type: Answer.Type = Answer.self
    ) async throws -> Answer {
        try await send(.POST, path, body: body, headers: isAsynchronous ? ["Prefer": "respond-async"] : [:])
    }

    private func send<Answer: Decodable>(
        _ method: HTTPMethod, _ path: String, body: [UInt8]?, headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = method
        request.headers = headers
        if let apiKey { request.headers.add(name: "Authorization", value: "Bearer \(apiKey)") }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let status: Int
        let content: Data
        do {
            let response = try await http.execute(request, timeout: Self.patience)
            status = Int(response.status.code)
            content = Data(try await response.body.collect(upTo: Self.longestAnswer).readableBytesView)
        } catch {
            throw CommandError.serverUnreachable(url: base, reason: "\(error)")
        }
        guard (200..<300).contains(status) else {
            let problem = try? JSONDecoder().decode(ErrorAnswer.self, from: content).error
            throw CommandError.serverAnswer(
                url: base, status: status, code: problem?.code, message: problem?.message ?? "no reason was given")
        }
        do { return try JSONDecoder().decode(Answer.self, from: content) } catch {
            throw CommandError.unreadableAnswer(url: base + path, reason: "\(error)")
        }
    }

    private struct ErrorAnswer: Decodable {
        let error: ServerProblem
    }
}

/// A server's error object: why there is no answer.
struct ServerProblem: Decodable, Sendable {
    let message: String
    /// The failure's own name, such as "image_truncated"; nil when the server only tells an HTTP status.
    let code: String?

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Keys.self)
        message = try fields.decode(String.self, forKey: .message)
        // `code` is an HTTP status in vLLM's dialect, a name in OpenAI's; docent has names under a key of its own.
        code =
            (try? fields.decode(String.self, forKey: .code)) ?? (try? fields.decode(String.self, forKey: .docentCode))
    }

    private enum Keys: String, CodingKey {
        case message, code
        case docentCode = "docent_code"
    }
}

/// A page of `/v1/...` lists.
struct ServerList<Element: Decodable & Sendable>: Decodable, Sendable {
    var data: [Element]
}
