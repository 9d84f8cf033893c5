import Foundation
import Glibc
import Hummingbird
import HummingbirdTesting
import Jobs
import Testing

@testable import HTTPAPI

/// Bytes that are no request, or two requests to two readers (RFC 9112, 11.2); and clients that leave in the middle.
@Suite struct HostileHTTPTests {
    private static let post = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    /// What must never be taken for a request of its own.
    private static let hidden = "GET /v1/models/hidden HTTP/1.1\r\nHost: x\r\n\r\n"

    private static let smuggling = [
        "two lengths": post + "Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}" + hidden,
        "two equal lengths": post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" + hidden,
        "a list of lengths": post + "Content-Length: 2, 2\r\n\r\n{}" + hidden,
        "a length with a sign": post + "Content-Length: +2\r\n\r\n{}" + hidden,
        "a negative length": post + "Content-Length: -2\r\n\r\n{}" + hidden,
        "a hexadecimal length": post + "Content-Length: 0x2\r\n\r\n{}" + hidden,
        "a length beyond 64 bits": post + "Content-Length: 18446744073709551618\r\n\r\n{}" + hidden,
        "length, then chunks": post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
        "chunks, then length": post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + hidden,
        "a space before the colon": post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + hidden,
        "length and a strange coding": post + "Content-Length: 2\r\nTransfer-Encoding: xchunked\r\n\r\n{}" + hidden,
        "chunks that are not last": post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + hidden,
        "a folded header": post + "X-A: b\r\n Content-Length: 60\r\n\r\n" + hidden,
        "a header without a name": post + ": chunked\r\n\r\n" + hidden,
        "NUL in a header": post + "X-A: b\u{0}c\r\nContent-Length: 0\r\n\r\n" + hidden,
        "CR in a header": post + "X-A: b\rContent-Length: 60\r\n\r\n" + hidden,
        "no length of a chunk": post + "Transfer-Encoding: chunked\r\n\r\n\r\n" + hidden,
        "a negative chunk": post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + hidden,
        "a chunk beyond 64 bits": post + "Transfer-Encoding: chunked\r\n\r\n1000000000000000F\r\n{}\r\n0\r\n\r\n"
            + hidden,
        "a chunk longer than it says": post + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n" + hidden,
        "a body before the head": "{}" + hidden,
        "another version": "GET /v1/models HTTP/3.7\r\nHost: x\r\n\r\n" + hidden,
        "the preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hidden,
        "no host": "GET /v1/models HTTP/1.1\r\n\r\n" + hidden,
        "two hosts": "GET /v1/models HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + hidden,
        "a host with a path": "GET /v1/models HTTP/1.1\r\nHost: a/v1?\r\n\r\n" + hidden,
        "a host with somebody": "GET /v1/models HTTP/1.1\r\nHost: a@b\r\n\r\n" + hidden,
        "a host with a space": "GET /v1/models HTTP/1.1\r\nHost: a b\r\n\r\n" + hidden,
        "a header of 64 KB":
            "GET /v1/models HTTP/1.1\r\nHost: x\r\nX-A: \(String(repeating: "x", count: 64 << 10))\r\n\r\n"
            + hidden,
        "a path of 64 KB": "GET /\(String(repeating: "x", count: 64 << 10)) HTTP/1.1\r\nHost: x\r\n\r\n" + hidden,
        "ten thousand headers": "GET /v1/models HTTP/1.1\r\nHost: x\r\n"
            + (0..<10_000).map { "X-\($0): 1\r\n" }.joined() + "\r\n" + hidden,
    ]

    @Test(arguments: smuggling.keys.sorted())
    func `what can be read in two ways is refused, and nothing behind it is read`(name: String) async throws {
        let request = try #require(Self.smuggling[name])
        let service = try TestService(ScriptedGenerator(["never"]))
        let text = try await service.talk { socket in
            _ = Socket.write(request, to: socket)
            return Socket.read(socket, until: "never to come")
        }
        #expect(text.hasPrefix("HTTP/1.1 400 "), "\(text)")
        #expect(text.components(separatedBy: "HTTP/1.1 ").count == 2 && !text.contains("hidden"), "\(text)")
        #expect(text.lowercased().contains("\r\nconnection: close\r\n"))
    }

    @Test(.timeLimit(.minutes(5))) func `requests that are sent together are answered in their order`() async throws {
        let service = try TestService(ScriptedGenerator(["a"]))
        let text = try await service.talk { socket in
            for number in 0..<40 {
                let chat = StreamingTests.request(number % 2 == 0 ? "" : #""stream":true"#)
                let request = number % 4 < 2 ? chat : "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
                _ = Socket.write(
                    request.replacingOccurrences(of: "Host: x\r\n", with: "Host: x\r\nX-Request-Id: n\(number)\r\n"),
                    to: socket)
            }
            shutdown(socket, Int32(SHUT_WR))
            return Socket.read(socket, until: "never to come")
        }
        let ids = text.lowercased().matches(of: /x-request-id: n([0-9]+)\r\n/).compactMap { Int($0.output.1) }
        #expect(ids == Array(0..<40))
        #expect(text.components(separatedBy: "HTTP/1.1 200 OK").count == 41)
    }

    /// 3 MB in the long form: 3 million chunks, 18 MB on the wire.
    @Test(.timeLimit(.minutes(10))) func `a body in chunks of one byte is a body`() async throws {
        let service = try TestService(ScriptedGenerator(["a"]))
        let user = String(repeating: "x", count: Load.isLong ? 3_000_000 : 10_000)
        let body = #"{"messages":[{"role":"user","content":"What?"}],"user":"\#(user)"}"#
        let start = ContinuousClock.now
        let text = try await service.talk { socket in
            let chunks = body.map { "1\r\n\($0)\r\n" }.joined()
            _ = Socket.write(Self.post + "Transfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n", to: socket)
            return Socket.read(socket, until: #""prompt_logprobs":null}"#)
        }
        #expect(text.hasPrefix("HTTP/1.1 200 OK"), "\(text)")
        print("load: \(body.utf8.count) chunks of one byte took \(ContinuousClock.now - start)")
    }

    @Test(.timeLimit(.minutes(5)), arguments: [false, true])
    func `clients that leave at any point of their request leave nothing running`(resets: Bool) async throws {
        let service = try TestService(ScriptedGenerator(["a ", "b ", "c"]))
        try await service.serve(.live) { client in
            let port = try #require(client.port)
            for fields in ["", #""stream":true"#] {
                let request = Array(StreamingTests.request(fields).utf8)
                try await blocking {
                    for cut in Array(stride(from: 1, to: request.count, by: 9)) + [request.count] {
                        let socket = try Socket.connect(port: port)
                        _ = Socket.write(String(decoding: request[..<cut], as: UTF8.self), to: socket)
                        if resets {
                            var now = linger(l_onoff: 1, l_linger: 0)
                            setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
                        }
                        close(socket)
                    }
                }
            }
            // Over a connection of its own: a busy machine may have let the client's time out.
            let answer = try await blocking {
                let socket = try Socket.connect(port: port)
                defer { close(socket) }
                _ = Socket.write(StreamingTests.request(""), to: socket)
                return Socket.read(socket, until: #""prompt_logprobs":null}"#)
            }
            #expect(answer.hasPrefix("HTTP/1.1 200 OK"))
            for job in try await service.store.jobs(limit: 100) {
                for await _ in service.store.changes(of: job.id) {}
            }
            let statistics = try await service.store.statistics()
            #expect(statistics.waitingInteractive == 0 && statistics.running == 0)
        }
    }
}
