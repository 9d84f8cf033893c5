import ArgumentParser
import Compute
import FoundationEssentials
import HTTPAPI
import Inference
import Jobs
import Logging
import Models
import ServiceLifecycle
import Workers

/// `docent serve`: answers over HTTP until it is told to stop.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Answer chat completions about images over HTTP.",
        discussion: """
            SIGTERM and Control-C drain: running requests end, then the server does; a second one ends it at once. What \
            waits in the queue goes on at the next start. DOCENT_LOG_LEVEL=info logs every request on standard error, and \
            DOCENT_LOG_FORMAT=json as a JSON object each. Variables of NVIDIA NIM (NIM_SERVED_MODEL_NAME, …) count too.
            """)

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 for a free one.")
    var port = 8000

    @Option(
        help: ArgumentHelp(
            "Hosts, separated by commas, from which images are fetched although their addresses are private.",
            valueName: "hosts"))
    var allowHosts: String?

    @Option(help: ArgumentHelp("Longest file that may be uploaded.", valueName: "bytes"))
    var maxFileBytes = ServerConfiguration().maxFileBytes

    @Option(
        help: ArgumentHelp(
            "Directories, separated by commas, that clients may have captioned and see the images of.",
            valueName: "dirs"))
    var allowRoot: String?

    @OptionGroup var clientOptions: ClientOptions
    @OptionGroup var servingOptions: ServingOptions
    @OptionGroup var modelOptions: ModelOptions
    @OptionGroup var databaseOptions: DatabaseOptions
    @OptionGroup var imageLimits: ImageLimitOptions

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port is \(port), expected 0 to 65535.") }
        guard (1...(1 << 40)).contains(maxFileBytes) else {
            throw ValidationError("--max-file-bytes is \(maxFileBytes), expected 1 to \(1 << 40).")
        }
        _ = try allowedHosts()
        _ = try allowedRoots()
    }

    private func allowedRoots() throws -> AllowedRoots {
        do { return try AllowedRoots((allowRoot ?? "").split(separator: ",").map(String.init)) } catch {
            throw ValidationError("--allow-root: \(error).")
        }
    }

    /// `--allow-hosts` in the spelling that the fetcher compares.
    private func allowedHosts() throws -> Set<String> {
        do { return try FetchPolicy.hosts(in: allowHosts ?? "") } catch {
            throw ValidationError("--allow-hosts: \(error).")
        }
    }

    func run() async throws {
        for name in ForeignVariables(environment: ProcessInfo.processInfo.environment).unknown {
            StandardStream.error.writeLine("\(name) is set, which means nothing to docent.")
        }
        OpenFiles.raiseLimit()
        // Loading a large model takes a while: others who want the database learn that a server is coming.
        let store = try databaseOptions.open(JobStoreConfiguration(willAnnounce: true))
        do {
            try await serve(store)
        } catch {
            try? await store.close()
            throw error
        }
        try await store.close()
    }

    private func serve(_ store: JobStore) async throws {
        let logger = Logger(label: "docent.server")
        var configuration = try configuration()
        let loading = LoadingServer(configuration: configuration, logger: logger)
        let (backend, model) = try await loading.whileOpen { [modelOptions] in
            // On a thread of its own: the server needs those of the tasks.
            try await BlockingPool(threads: 1).run {
                let backend = try modelOptions.makeBackend()
                let model = try modelOptions.load(on: backend)
                try model.requireImageLibrary()
                return (backend, model)
            }
        }
        logger.info("device", metadata: ["device": "\(backend.name)"])
        let engine = try Engine(model: model, backend: backend, configuration: servingOptions.engine)
        configuration.device = backend.name
        var work = DispatcherConfiguration()
        work.imageLimits = imageLimits.limits
        servingOptions.apply(to: &work)
        let local = LocalImageSource(blobs: store.blobs, maxBytes: work.imageLimits.maxBytes)
        let dispatcher = Dispatcher(
            store: store, model: model, generator: engine,
            images: RemoteImageSource(local: local, policy: configuration.fetchPolicy), configuration: work,
            logger: logger)
        let recipeJobs = RecipeJobs(store: store, model: model.card, roots: configuration.allowedRoots, logger: logger)
        let server = APIServer(
            configuration: configuration, store: store, dispatcher: dispatcher, model: model,
            modelNames: servingOptions.names, engine: { engine.metrics }, intake: recipeJobs, logger: logger
        ) { port in
            let url = Self.url(host: host, port: port)
            do { try store.announce(url: url) } catch {
                logger.error("address not announced", metadata: ["error": "\(error)"])
            }
            StandardStream.error.writeLine("docent serves \(model.card.name) at \(url)")
        }
        // Stopped in reverse order: the server ends its responses while the dispatcher still works for them.
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(
                        service: DispatcherService(dispatcher: dispatcher),
                        successTerminationBehavior: .gracefullyShutdownGroup),
                    .init(service: recipeJobs, successTerminationBehavior: .gracefullyShutdownGroup),
                    .init(service: server, successTerminationBehavior: .gracefullyShutdownGroup),
                ],
                logger: logger))
        // Not the group's own signals: it does not hear a second one.
        let result = await Interrupts.watch {
            await group.triggerGracefulShutdown()
        } during: {
            do { try await group.run() } catch {
                await engine.shutdown(.cancel)
                throw error
            }
            await engine.shutdown(.drain)
        }
        try result.get()
    }

    private func configuration() throws -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.host = host
        configuration.port = port
        configuration.maxConnections = OpenFiles.connections(upTo: configuration.maxConnections)
        configuration.maxFileBytes = maxFileBytes
        configuration.imageLimits = imageLimits.limits
        configuration.fetchPolicy.maxBytes = imageLimits.limits.maxBytes
        configuration.fetchPolicy.allowedHosts = try allowedHosts()
        configuration.allowedRoots = try allowedRoots()
        configuration.license = License(besideModelAt: try modelOptions.folder())
        servingOptions.apply(to: &configuration)
        try clientOptions.apply(to: &configuration)
        return configuration
    }

    /// Where clients on this machine reach a server that listens on `host`.
    static func url(host: String, port: Int) -> String {
        let reachable =
            switch host {
            case "0.0.0.0", "": "127.0.0.1"
            case "::": "[::1]"
            case let address where address.contains(":"): "[\(address)]"
            default: host
            }
        return "http://\(reachable):\(port)"
    }
}

/// The dispatcher as a service. The server drains it first; it stays until its own turn to stop comes, because a group takes
/// a service that ends before its turn for a failed one.
private struct DispatcherService: Service {
    let dispatcher: Dispatcher

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await dispatcher.run()
            try await gracefulShutdown()
        } onGracefulShutdown: {
            dispatcher.drain(patience: .zero)
        }
    }
}
