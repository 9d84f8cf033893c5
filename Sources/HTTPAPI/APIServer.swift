import Hummingbird
import HummingbirdCore
public import Inference
public import Jobs
public import Logging
public import Models
import NIOCore
public import ServiceLifecycle
public import Workers

/// The HTTP server: routes in front of the queue and its dispatcher.
///
/// Beside it batches are tended, which no client need be connected for. On graceful shutdown it stops accepting connections, drains the dispatcher, and returns when the last response has
/// been sent; responses that are not done after `drainPatience` end with an error, and clients that do not read theirs are
/// disconnected `closingPatience` later.
public struct APIServer: Service {
    private let configuration: ServerConfiguration
    private let dispatcher: Dispatcher
    private let health: ServiceHealth
    private let logger: Logger
    let batches: BatchProcessor
    private let onServerRunning: @Sendable (_ port: Int) async -> Void
    let responder: RouterResponder<APIContext>
    /// What is served, for the document of it.
    let routes: [String]

    /// `modelNames`: what the model is called in requests, the first of them in answers; empty for its own name.
    /// `engine`: what the engine is doing, for the metrics. `intake`: makes jobs of orders; without one, orders are refused.
    /// `onServerRunning` is told the bound port.
    public init(
        configuration: ServerConfiguration, store: JobStore, dispatcher: Dispatcher, model: LoadedModel,
        modelNames: [String] = [], health: ServiceHealth = ServiceHealth(),
        engine: @escaping @Sendable () -> EngineMetrics = { EngineMetrics() }, intake: (any JobIntake)? = nil,
        logger: Logger,
        onServerRunning: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.dispatcher = dispatcher
        self.health = health
        self.logger = logger
        self.onServerRunning = onServerRunning
        let rules = ChatRules(configuration: configuration, model: model, modelNames: modelNames)
        let bodies = BodyBudget(limit: configuration.maxBufferedBodyBytes)
        batches = BatchProcessor(
            store: store, configuration: configuration, rules: rules, model: model.card.identity, logger: logger)
        let table = RouteTable()
        let calls = CallMeasurements()
        let admission = Admission(limit: configuration.maxWaitingRequests, maxWait: configuration.maxWaitingTime)
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.addMiddleware {
            RequestIdentity()
            AccessLog(calls: calls)
            CrossOrigin(origins: configuration.allowedOrigins)
            ErrorMiddleware(routes: table)
        }
        HealthRoutes(health: health).add(to: router)
        let keys = configuration.apiKeys.enumerated().map { ClientKey(name: "key-\($0 + 1)", key: $1) }
        DashboardRoutes().add(to: router)
        let guarded = router.group()
            .add(middleware: BearerAuthentication(keys: keys + configuration.clientKeys))
            .add(middleware: ClientLimiting(use: ClientUse(), limits: configuration.clientLimits))
        let models = rules.modelNames.map {
            ModelObject(name: $0, card: model.card, contextLength: rules.contextLength)
        }
        ModelRoutes(models: models).add(to: guarded)
        MetadataRoutes(card: model.card, rules: rules, license: configuration.license).add(to: guarded)
        ChatRoutes(
            store: store, dispatcher: dispatcher, rules: rules, configuration: configuration,
            admission: admission, bodies: bodies
        ).add(to: guarded)
        TokenRoutes(model: model, rules: rules, configuration: configuration, bodies: bodies).add(to: guarded)
        MetricsRoutes(
            store: store, dispatcher: dispatcher, engine: engine, calls: calls, admission: admission,
            modelName: rules.modelName
        ).add(to: guarded)
        FileRoutes(store: store, configuration: configuration, bodies: bodies).add(to: guarded)
        BatchRoutes(store: store, processor: batches, configuration: configuration, bodies: bodies).add(to: guarded)
        DocumentRoutes().add(to: guarded)
        StatusRoutes(
            store: store, dispatcher: dispatcher, engine: engine, health: health, modelName: rules.modelName,
            configuration: configuration
        ).add(to: guarded)
        JobRoutes(store: store, modelName: rules.modelName, configuration: configuration).add(to: guarded)
        JobRequestRoutes(
            store: store, modelName: rules.modelName,
            images: RequestImages(blobs: store.blobs, roots: configuration.allowedRoots), intake: intake
        ).add(to: guarded)
        JobOrderRoutes(
            store: store, intake: intake, rules: rules, configuration: configuration, bodies: bodies
        ).add(to: guarded)
        table.fill(from: router)
        routes = table.all
        responder = router.buildResponder()
    }

    /// Serves until cancelled or gracefully shut down.
    public func run() async throws {
        let (health, dispatcher, patience) = (health, dispatcher, configuration.drainPatience)
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await application.run() }
                group.addTask { await batches.run() }
                // Batches end only when they are told to; wherever they stand, the next start goes on.
                defer { group.cancelAll() }
                try await group.next()
            }
        } onGracefulShutdown: {
            health.state = .draining
            dispatcher.drain(patience: patience)
        }
    }

    var application: some ApplicationProtocol {
        let onServerRunning = onServerRunning
        return Application(
            responder: responder,
            server: HTTPServerBuilder { [configuration] in
                ClientConnection(responder: $0, configuration: configuration)
            },
            configuration: .init(
                address: .hostname(configuration.host, port: configuration.port), serverName: nil, backlog: 1024,
                availableConnectionsDelegate: .maximum(configuration.maxConnections, logger: logger)),
            onServerRunning: { await onServerRunning($0.localAddress?.port ?? 0) },
            logger: logger)
    }
}
