import Foundation
import Glibc
import Hummingbird
import HummingbirdTesting
import Testing
import Workers

@testable import HTTPAPI

/// Many answers at once: 200 streams, 2,000 in the long form.
@Suite(.serialized) struct ConcurrentStreamTests {
    private static let streams = Load.isLong ? 2000 : 200
    private static let words = (0..<32).map { "t\($0) " }

    @Test(.timeLimit(.minutes(30)))
    func `every one of many streams that are open at once gets all its tokens in order`() async throws {
        Load.raiseOpenFileLimit()
        let gate = Gate()
        var work = DispatcherConfiguration()
        work.interactiveSlots = Self.streams
        let service = try TestService(ScriptedGenerator(Self.words, gate: gate), work: work) {
            $0.maxWaitingRequests = Self.streams
        }
        try await service.serve(.live) { client in
            let port = try #require(client.port)
            let before = Load.residentBytes
            let (clients, open) = try await blocking {
                let clients = try PolledClients(
                    Self.streams, port: port, sending: StreamingTests.request(#""stream":true"#))
                clients.read { $0.first != nil }
                // All are held after their first token.
                let open = Load.residentBytes
                gate.open()
                clients.read { $0.bytes.suffix(7).elementsEqual("\r\n0\r\n\r\n".utf8) }
                return (Transferred(clients), open)
            }
            let times = clients.value.firstTokens
            #expect(times.count == Self.streams)
            var incomplete = 0
            for client in clients.value.clients where !Self.hasAllTokens(client.bytes) { incomplete += 1 }
            #expect(incomplete == 0)
            let each = (open - before) / Self.streams
            print(
                "load: \(Self.streams) streams open at once, time to first token p50 "
                    + "\(Load.milliseconds(Load.quantile(0.5, of: times))) ms, p99 "
                    + "\(Load.milliseconds(Load.quantile(0.99, of: times))) ms; \(each >> 10) KiB resident for each, "
                    + "clients' and sockets' sides included")
            // Other tests in this process are none of it in the long form.
            if Load.isLong { #expect(each < 256 << 10) }
            // Over a connection of its own: the client's may have been idle for too long.
            let health = try await blocking {
                let socket = try Socket.connect(port: port)
                defer { close(socket) }
                _ = Socket.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n", to: socket)
                return Socket.read(socket, until: "\r\n\r\n")
            }
            #expect(health.hasPrefix("HTTP/1.1 200 OK"))
        }
    }

    private static func hasAllTokens(_ bytes: [UInt8]) -> Bool {
        var place = 0
        for word in words {
            guard let end = bytes.end(of: Array(#""content":"\#(word)""#.utf8), from: place) else { return false }
            place = end
        }
        return bytes.count(of: Array(#""content":"t"#.utf8)) == words.count
            && bytes.end(of: Array("data: [DONE]".utf8), from: place) != nil
    }
}

/// Handed from the thread that made it to the test that looks at it.
private struct Transferred<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
