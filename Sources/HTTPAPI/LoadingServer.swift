import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore

/// Answers while the model is being loaded: the process lives, it is not ready, and everything else is to be asked later.
///
/// A large model takes minutes; who watches over the process must not take that for its death. The port changes hands
/// when the model is there, so for a moment a connection may be refused.
public struct LoadingServer: Sendable {
    private let configuration: ServerConfiguration
    private var logger: Logger

    public init(configuration: ServerConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        // That it ends by cancellation would be told as an error.
        self.logger.logLevel = .critical
    }

    /// Runs `body`, and the server as long as that takes. Without a port to be known by there is nobody to answer.
    public func whileOpen<Value: Sendable>(
        _ body: @escaping @Sendable @concurrent () async throws -> Value
    ) async throws -> Value {
        guard configuration.port != 0 else { return try await body() }
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                try await application.run()
                return nil
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            while let value = try await group.next() {
                guard let value else { continue }
                // Leaving waits for the server to have ended, and with it the port is free.
                return value
            }
            throw CancellationError()
        }
    }

    private var application: some ApplicationProtocol {
        let table = RouteTable()
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.addMiddleware {
            RequestIdentity()
            ErrorMiddleware(routes: table)
            NotYet()
        }
        HealthRoutes(health: ServiceHealth(.starting)).add(to: router)
        table.fill(from: router)
        return Application(
            responder: router.buildResponder(),
            server: HTTPServerBuilder { [configuration] in
                ClientConnection(responder: $0, configuration: configuration)
            },
            configuration: .init(
                address: .hostname(configuration.host, port: configuration.port), serverName: nil,
                availableConnectionsDelegate: .maximum(configuration.maxConnections, logger: logger)),
            logger: logger)
    }
}

/// To every path that will be there, and every other.
private struct NotYet: RouterMiddleware {
    typealias Context = APIContext

    private static let open: Set<String> = ["/v1/health/live", "/v1/health/ready", "/health", "/ping"]

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard Self.open.contains(request.uri.path) else {
            throw APIError.unavailable("The model is being loaded; send the request again later.", retryAfter: 5)
        }
        return try await next(request, context)
    }
}
