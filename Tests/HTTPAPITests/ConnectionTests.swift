import Foundation
import Glibc
import Hummingbird
import HummingbirdTesting
import Jobs
import Synchronization
import Testing

@testable import HTTPAPI

/// Clients that are slow, old, careful or wrong.
@Suite struct ConnectionTests {
    private static let post = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

    @Test func `a body that comes too slowly is answered 408`() async throws {
        let service = try TestService(ScriptedGenerator(["never"])) { $0.bodyPatience = .milliseconds(20) }
        let text = try await answer(of: service, to: Self.post + "Content-Length: 500\r\n\r\n{")
        #expect(text.hasPrefix("HTTP/1.1 408 Request Timeout\r\n") && text.hasSuffix(#""code":408}}"#))
        #expect(text.lowercased().contains("\r\nconnection: close\r\n"))
    }

    @Test func `bodies beyond the budget are answered 503, and a body that was decoded counts no more`() async throws {
        let service = try TestService(ScriptedGenerator(["a"])) { $0.maxBufferedBodyBytes = 1000 }
        try await service.serve { client in
            for _ in 0..<2 {
                #expect(try await client.chat(#""user":"\#(String(repeating: "x", count: 600))""#).status == .ok)
            }
            let refused = try await client.chat(#""user":"\#(String(repeating: "x", count: 1000))""#)
            #expect(refused.status == .serviceUnavailable && refused.headers[.retryAfter] != nil)
            #expect(try await client.chat().status == .ok)
        }
    }

    @Test func `a body that is held back is asked for when it will be read`() async throws {
        let service = try TestService(ScriptedGenerator(["a"]))
        try await service.serve(.live) { client in
            let port = try #require(client.port)
            let (asked, answered) = try await blocking {
                let request = StreamingTests.request("").components(separatedBy: "\r\n\r\n")
                let socket = try Socket.connect(port: port)
                defer { close(socket) }
                _ = Socket.write(request[0] + "\r\nExpect: 100-continue\r\n\r\n", to: socket)
                let asked = Socket.read(socket, until: "\r\n\r\n")
                _ = Socket.write(request[1], to: socket)
                return (asked, Socket.read(socket, until: #""prompt_logprobs":null}"#))
            }
            #expect(asked == "HTTP/1.1 100 Continue\r\n\r\n")
            #expect(answered.hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
    }

    @Test func `a body that is held back is refused without asking, and the connection closed`() async throws {
        let service = try TestService(ScriptedGenerator(["never"])) { $0.maxBodyBytes = 1000 }
        let text = try await answer(
            of: service, to: Self.post + "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
        #expect(text.hasPrefix("HTTP/1.1 413") && text.hasSuffix(#""code":413}}"#))
        #expect(text.lowercased().contains("\r\nconnection: close\r\n"))
    }

    @Test(arguments: [("", #""prompt_logprobs":null}"#), (#""stream":true"#, "data: [DONE]\n\n")])
    func `an HTTP 1.0 client gets its answer in one piece and then the end`(fields: String, end: String) async throws {
        let service = try TestService(ScriptedGenerator(["a ", "b"]))
        let request = StreamingTests.request(fields).replacingOccurrences(of: "HTTP/1.1", with: "HTTP/1.0")
        let text = try await answer(of: service, to: request)
        #expect(text.hasPrefix("HTTP/1.0 200 OK\r\n") && text.hasSuffix(end))
        #expect(text.lowercased().contains("\r\nconnection: close\r\n"))
        #expect(!text.lowercased().contains("transfer-encoding"))
    }

    private static let malformed = [
        "no HTTP": "nonsense\r\n\r\n",
        "long header": "GET /health HTTP/1.1\r\nHost: x\r\nX-Long: \(String(repeating: "x", count: 40_000))\r\n\r\n",
        "wrong length": post + "Content-Length: many\r\n\r\n",
        "two lengths": post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "wrong chunk": post + "Transfer-Encoding: chunked\r\n\r\nmany\r\n",
    ]

    @Test(arguments: malformed.keys.sorted())
    func `what is not HTTP is answered 400 with a reason`(name: String) async throws {
        let request = try #require(Self.malformed[name])
        let text = try await answer(of: TestService(ScriptedGenerator(["never"])), to: request)
        #expect(text.hasPrefix("HTTP/1.1 400 Bad Request\r\n") && text.hasSuffix(#""code":400}}"#), "\(text)")
        #expect(text.lowercased().contains("\r\nconnection: close\r\n"))
    }

    @Test(.timeLimit(.minutes(5))) func `a client that does not read its stream keeps no place from others`()
        async throws
    {
        // More than the buffers on both sides take.
        let generator = ScriptedGenerator([String](repeating: String(repeating: "x", count: 64 << 10), count: 128))
        let service = try TestService(generator) {
            $0.maxWaitingRequests = 1
            $0.writePatience = .seconds(600)
        }
        try await service.serve(.live) { client in
            let port = try #require(client.port)
            let socket = try await blocking {
                let socket = try Socket.connect(port: port, receiveBuffer: 4096)
                _ = Socket.write(StreamingTests.request(#""stream":true"#), to: socket)
                return socket
            }
            while generator.requests.withLock({ $0.isEmpty }) { await Task.yield() }
            while try await client.chat(#""max_tokens":1"#).status != .ok { await Task.yield() }
            close(socket)
        }
    }

    /// What `service` says until it closes the connection.
    private func answer(of service: TestService, to request: String) async throws -> String {
        try await service.talk { socket in
            _ = Socket.write(request, to: socket)
            return Socket.read(socket, until: "never to come")
        }
    }
}
