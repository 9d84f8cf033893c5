import Foundation
import Glibc
import Hummingbird
import HummingbirdTesting
import Inference
import Jobs
import Logging
import Models
import Testing
import Workers

@testable import HTTPAPI

/// A server over a script, with its own database.
struct TestService: Sendable {
    let folder: URL
    let store: JobStore
    let dispatcher: Dispatcher
    let server: APIServer
    let health = ServiceHealth()
    let intake: (any JobIntake)?
    private let tendsBatches: Bool

    /// - Parameters:
    ///   - folder: where an earlier service left its database; a new one unless given.
    ///   - tendsBatches: false for a server that only takes them.
    ///   - work: how much is in hand at a time.
    init(
        _ generator: some TextGenerator, names: [String] = ["scripted", "alias/other"], takesImages: Bool = true,
        template: TemplateFacts = TemplateFacts(),
        in folder: URL? = nil, clock: any WallClock = SystemWallClock(), tendsBatches: Bool = true,
        work: DispatcherConfiguration = DispatcherConfiguration(),
        configure: (inout ServerConfiguration) -> Void = { _ in },
        intake: (JobStore) -> (any JobIntake)? = { _ in nil },
        onServerRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) throws {
        let temporary = FileManager.default.temporaryDirectory.appending(path: "http-\(UUID().uuidString)")
        self.folder = folder ?? temporary
        self.tendsBatches = tendsBatches
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        store = try JobStore(path: self.folder.appending(path: "docent.sqlite").path, clock: clock)
        var configuration = ServerConfiguration()
        configuration.port = 0
        configure(&configuration)
        let model = try Self.model(takesImages: takesImages, template)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let local = LocalImageSource(blobs: store.blobs, maxBytes: 1 << 20)
        dispatcher = Dispatcher(
            store: store, model: model, generator: generator,
            images: RemoteImageSource(local: local, policy: configuration.fetchPolicy), configuration: work,
            logger: logger)
        self.intake = intake(store)
        server = APIServer(
            configuration: configuration, store: store, dispatcher: dispatcher, model: model, modelNames: names,
            health: health, intake: self.intake, logger: logger, onServerRunning: onServerRunning)
    }

    /// Runs the dispatcher and lets `body` talk to the server.
    func serve<Result: Sendable>(
        _ setup: TestingSetup = .router, keepsFolder: Bool = false,
        _ body: @escaping @Sendable (any TestClientProtocol) async throws -> Result
    ) async throws -> Result {
        let result = try await whileDispatching { try await server.application.test(setup) { try await body($0) } }
        if keepsFolder { try await store.close() } else { try await close() }
        return result
    }

    /// What comes of a conversation over one connection, on a thread of its own.
    func talk(_ body: @escaping @Sendable (_ socket: Int32) -> String) async throws -> String {
        try await serve(.live) { client in
            let port = try #require(client.port)
            return try await blocking {
                let socket = try Socket.connect(port: port)
                defer { Glibc.close(socket) }
                return body(socket)
            }
        }
    }

    func whileDispatching<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                try await dispatcher.run()
                return nil
            }
            if tendsBatches {
                group.addTask {
                    await server.batches.run()
                    return nil
                }
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    func close() async throws {
        try await store.close()
        try FileManager.default.removeItem(at: folder)
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

    static func fixture(_ name: String) throws -> String {
        try String(contentsOf: root.appending(path: "Tests/Fixtures/http/\(name)"), encoding: .utf8)
    }

    static let sampleImage: [UInt8] = {
        let url = root.appending(path: "jobs/samples/scene-01.jpg")
        return (try? Array(Data(contentsOf: url))) ?? []
    }()

    static var sampleURL: String { "data:image/jpeg;base64,\(Data(sampleImage).base64EncodedString())" }

    /// Loaded once: reading the tokeniser takes longer than most of these tests.
    private static let tokenizer = Result {
        try Tokenizer.load(from: root.appending(path: "Sources/docent/docent-mini").path)
    }

    private static func model(takesImages: Bool, _ template: TemplateFacts) throws -> LoadedModel {
        LoadedModel(
            card: ModelCard(
                name: "scripted", family: "test", weightsHash: "00ff", parameterCount: 0, created: 1_745_870_402),
            model: NamedModel(), processor: WordProcessor(takesImages: takesImages, template: template),
            tokenizer: try tokenizer.get(),
            generation: GenerationDefaults(stopTokens: []))
    }
}

extension TestClientProtocol {
    func post(
        _ uri: String, _ body: String, headers: HTTPFields = [.contentType: "application/json"]
    ) async throws -> TestResponse {
        try await execute(uri: uri, method: .post, headers: headers, body: ByteBuffer(string: body)) { $0 }
    }

    func get(_ uri: String, headers: HTTPFields = [:]) async throws -> TestResponse {
        try await execute(uri: uri, method: .get, headers: headers) { $0 }
    }

    /// A chat completion with one message and further fields.
    func chat(_ fields: String = "", headers: HTTPFields = [.contentType: "application/json"]) async throws
        -> TestResponse
    {
        try await post(
            "/v1/chat/completions",
            #"{"messages":[{"role":"user","content":"What is this?"}]\#(fields.isEmpty ? "" : ",")\#(fields)}"#,
            headers: headers)
    }
}

extension TestResponse {
    var text: String { String(buffer: body) }

    func json() throws -> [String: Any] {
        try JSONSerialization.jsonObject(with: Data(body.readableBytesView)) as? [String: Any] ?? [:]
    }

    /// The error's message, type, param and code.
    func error() throws -> [String: Any] { try json()["error"] as? [String: Any] ?? [:] }

    /// The values of the `data:` lines.
    var frames: [String] {
        text.components(separatedBy: "\n\n").filter { !$0.isEmpty }.map { String($0.dropFirst("data: ".count)) }
    }
}
