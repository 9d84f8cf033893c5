import Foundation
import Testing

extension DocentProcess {
    /// A server with the database of this home, once it has said where it answers.
    func startServer(port: Int = 0, _ options: String...) async throws -> (server: Running, url: String) {
        let server = try start(["serve", "--port", "\(port)"] + options)
        let line = /docent serves .* at (http:\/\/127\.0\.0\.1:[0-9]+)\n/
        // The machine may be busy with all the other tests.
        #expect(
            try await eventually(within: 240) { server.saidOnError.firstMatch(of: line) != nil || !server.isRunning })
        let url = try #require(server.saidOnError.firstMatch(of: line)?.output.1, "\(server.saidOnError)")
        return (server, String(url))
    }
}
