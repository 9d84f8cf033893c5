import Glibc
import Logging
import Testing

@testable import HTTPAPI

/// What is answered before there is a model (conformance D1 and D2).
@Suite struct LoadingServerTests {
    @Test(.timeLimit(.minutes(5)))
    func `while the model is loaded the process lives, is not ready, and says when to come`()
        async throws
    {
        let port = try Self.freePort()
        var configuration = ServerConfiguration()
        (configuration.host, configuration.port) = ("127.0.0.\(Self.host)", port)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server = LoadingServer(configuration: configuration, logger: logger)
        let paths = ["/v1/health/live", "/v1/health/ready", "/health", "/v1/models", "/nope"]
        let answers = try await server.whileOpen {
            try await blocking { try paths.map { try Self.ask($0, port: port) } }
        }
        #expect(answers.map { $0.dropFirst(9).prefix(3) } == ["200", "503", "503", "503", "503"], "\(answers)")
        #expect(answers[0].contains(#""message":"Service is live.""#))
        #expect(answers[1].contains(#"{"error":{"message":"Service is not ready: the model is being loaded.""#))
        #expect(answers[3].lowercased().contains("\r\nretry-after: 5\r\n"))
        // The port is free for the server proper.
        #expect(throws: Socket.Failure.self) { try Self.ask("/", port: port) }
        _ = try await server.whileOpen { try await blocking { try Self.ask("/health", port: port) } }
    }

    @Test func `a model that cannot be loaded ends the waiting with its error`() async throws {
        var configuration = ServerConfiguration()
        (configuration.host, configuration.port) = ("127.0.0.\(Self.host)", try Self.freePort())
        struct NoModel: Error {}
        let server = LoadingServer(configuration: configuration, logger: Logger(label: "test"))
        await #expect(throws: NoModel.self) { try await server.whileOpen { throw NoModel() } }
    }

    /// An address of this suite's own: on 127.0.0.1 another test may get a port before it is used here.
    private static let host: UInt32 = 83

    private static func freePort() throws -> Int {
        let (listener, port) = try Socket.listen(host: host)
        close(listener)
        return port
    }

    /// Asks again until somebody listens, for a server that is just beginning to.
    private static func ask(_ path: String, port: Int) throws -> String {
        for attempt in 0... {
            do {
                let socket = try Socket.connect(host: host, port: port)
                defer { close(socket) }
                _ = Socket.write("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", to: socket)
                return Socket.read(socket, until: "never to come")
            } catch {
                guard attempt < 12_000, path != "/" else { throw error }
                usleep(10_000)
            }
        }
        return ""
    }
}
