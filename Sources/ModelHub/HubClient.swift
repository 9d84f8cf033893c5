import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks a hub, and follows it to the hosts that keep its files.
///
/// Redirects are followed by hand: the token goes to the hub's own origin alone, and what the hub says of a file on the way
/// is kept.
struct HubClient: Sendable {
    struct Configuration: Sendable {
        var userAgent = "docent"
        /// Longest wait for a connection, and for the head of an answer.
        var patience: Duration = .seconds(30)
        /// Longest silence within an answer.
        var silence: Duration = .seconds(30)
        /// For all of a list of files or of a file's facts.
        var deadline: Duration = .seconds(120)
        var maxRedirects = 5
        /// How the time between two tries passes.
        var pause: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    }

    struct Answer: Sendable {
        let url: HubURL
        let facts: HubFacts
        let response: HTTPClientResponse
    }

    let endpoint: HubURL
    let configuration: Configuration
    private let token: String?
    private let http: HTTPClient

    /// Runs `work` with a client that is closed afterwards.
    static func connected<Result>(
        to settings: HubSettings, _ configuration: Configuration, _ work: (HubClient) async throws -> Result
    ) async throws -> Result {
        var transport = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .init(configuration.patience), read: .init(configuration.silence)))
        // A connection for each file; one that is not there is told at once.
        transport.httpVersion = .http1Only
        transport.connectionPool.retryConnectionEstablishment = false
        return try await HTTPClient.withHTTPClient(configuration: transport) { http in
            try await work(
                HubClient(
                    endpoint: settings.endpoint, configuration: configuration, token: settings.token, http: http))
        }
    }

    /// The body of `url`, at most `limit` bytes of it.
    func content(of url: HubURL, limit: Int) async throws -> [UInt8] {
        try await withinDeadline(url) {
            let answer = try await send(.GET, url)
            return try await translatingErrors(url) {
                do {
                    return Array(try await answer.response.body.collect(upTo: limit).readableBytesView)
                } catch is NIOTooManyBytesError {
                    throw HubError.badListing(url: url.shown, reason: "it is longer than \(limit) bytes")
                }
            }
        }
    }

    /// What the hub says of the file at `url`.
    func facts(of url: HubURL) async throws -> HubFacts {
        try await withinDeadline(url) { try await send(.HEAD, url).facts }
    }

    /// Begins to fetch `url` from the byte `offset` on; the answer's status is 200 or 206.
    func open(_ url: HubURL, from offset: Int) async throws -> Answer {
        try await send(.GET, url, headers: offset > 0 ? ["range": "bytes=\(offset)-"] : [:])
    }

    /// Runs `body`, which reads an answer of `url`, with the client's errors in our words.
    func translatingErrors<Result>(_ url: HubURL, _ body: () async throws -> Result) async throws -> Result {
        do { return try await body() } catch let error as HubError {
            throw error
        } catch {
            try Task.checkCancellation()
            throw cause(of: error, url)
        }
    }

    private func send(_ method: HTTPMethod, _ url: HubURL, headers: HTTPHeaders = [:]) async throws -> Answer {
        var (current, facts) = (url, HubFacts())
        for _ in 0...configuration.maxRedirects {
            let response = try await exchange(method, current, headers)
            let isHub = current.origin == endpoint.origin
            if isHub { facts.add(response.headers, isContent: response.status == .ok) }
            switch response.status.code {
            case 200, 206: return Answer(url: current, facts: facts, response: response)
            case 301, 302, 303, 307, 308:
                guard let location = response.headers.first(name: "location") else {
                    throw HubError.broken(url: current.shown, reason: "a redirect leads nowhere")
                }
                let next = try current.following(location)
                // The facts are the hub's to tell; the content host need not be asked for them.
                if method == .HEAD, next.origin != endpoint.origin {
                    return Answer(url: current, facts: facts, response: response)
                }
                current = next
            default: throw failure(response, current, isHub: isHub)
            }
        }
        throw HubError.tooManyRedirects(url: url.shown, limit: configuration.maxRedirects)
    }

    private func exchange(_ method: HTTPMethod, _ url: HubURL, _ headers: HTTPHeaders) async throws
        -> HTTPClientResponse
    {
        var request = HTTPClientRequest(url: url.text)
        request.method = method
        request.headers = headers
        request.headers.add(name: "user-agent", value: configuration.userAgent)
        // Sizes and offsets are those of the file itself.
        request.headers.add(name: "accept-encoding", value: "identity")
        if let token, url.origin == endpoint.origin {
            request.headers.add(name: "authorization", value: "Bearer \(token)")
        }
        return try await translatingErrors(url) { [request] in
            try await http.execute(request, timeout: .init(configuration.patience))
        }
    }

    private func failure(_ response: HTTPClientResponse, _ url: HubURL, isHub: Bool) -> HubError {
        let code = Int(response.status.code)
        let reason = response.headers.first(name: "x-error-message") ?? response.headers.first(name: "x-error-code")
        switch code {
        case 408, 429, 500...:
            return .busy(url: url.shown, status: code, seconds: RequestedWait.seconds(response.headers))
        case 416: return .rangeRefused(url: url.shown)
        case 401 where isHub, 403 where isHub:
            return .refused(url: url.shown, status: code, hasToken: token != nil, reason: reason)
        case 404 where isHub: return .notFound(url: url.shown, reason: reason)
        default: return .status(url: url.shown, code: code, isForeign: !isHub)
        }
    }

    private func cause(of error: any Error, _ url: HubURL) -> HubError {
        switch error {
        case is NIOConnectionError, is IOError:
            return .unreachable(url: url.shown, reason: "its host does not accept a connection")
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
                return .unreachable(url: url.shown, reason: error.shortDescription)
            case .readTimeout:
                return .silent(url: url.shown, seconds: Int(configuration.silence.components.seconds))
            case .deadlineExceeded:
                return .silent(url: url.shown, seconds: Int(configuration.patience.components.seconds))
            default: return .broken(url: url.shown, reason: error.shortDescription)
            }
        default: return .broken(url: url.shown, reason: "\(error)")
        }
    }

    /// The client's own deadline ends with the head of an answer.
    private func withinDeadline<Result: Sendable>(
        _ url: HubURL, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await Task.sleep(for: configuration.deadline)
                throw HubError.silent(url: url.shown, seconds: Int(configuration.deadline.components.seconds))
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() else { throw CancellationError() }
            return result
        }
    }
}
