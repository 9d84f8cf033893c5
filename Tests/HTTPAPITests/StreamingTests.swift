import Foundation
import Glibc
import Hummingbird
import HummingbirdTesting
import Inference
import Jobs
import Synchronization
import Testing

@testable import HTTPAPI

@Suite struct StreamingTests {
    private func choice(_ frame: String) throws -> [String: Any] {
        let json = try JSONSerialization.jsonObject(with: Data(frame.utf8)) as? [String: Any]
        return (json?["choices"] as? [[String: Any]])?.first ?? [:]
    }

    @Test func `a stream is role, deltas, finish, usage, DONE, with one identity`() async throws {
        let service = try TestService(ScriptedGenerator(["a ", "schöne ", "🐈"]))
        try await service.serve { client in
            let response = try await client.chat(#""stream":true,"stream_options":{"include_usage":true}"#)
            #expect(response.headers[.contentType]?.hasPrefix("text/event-stream") == true)
            let frames = response.frames
            #expect(frames.count == 7)
            let id = try #require(frames[0].firstMatch(of: /"id":"(chat-[0-9a-f]{32})"/)).output.1
            let created = try #require(frames[0].firstMatch(of: /"created":([0-9]+)/)).output.1
            let head = #"{"id":"\#(id)","object":"chat.completion.chunk","created":\#(created),"model":"scripted","#
            let choice = head + #""choices":[{"index":0,"delta":"#
            let end = #","logprobs":null,"finish_reason":null}]}"#
            #expect(
                frames == [
                    choice + #"{"role":"assistant","content":""}"# + end,
                    choice + #"{"content":"a "}"# + end,
                    choice + #"{"content":"schöne "}"# + end,
                    choice + #"{"content":"🐈"}"# + end,
                    choice + #"{"content":""},"logprobs":null,"finish_reason":"stop","stop_reason":null}]}"#,
                    head + #""choices":[],"usage":{"prompt_tokens":3,"total_tokens":6,"completion_tokens":3}}"#,
                    "[DONE]",
                ])
        }
    }

    @Test func `the choices of a stream add up to those of a whole answer`() async throws {
        let service = try TestService(ScriptedGenerator(["a ", "b"]))
        try await service.serve { client in
            let frames = try await client.chat(#""stream":true,"n":2,"logprobs":true"#).frames
            #expect(frames.last == "[DONE]")
            var texts = ["", ""]
            for frame in frames.dropLast() {
                let choice = try choice(frame)
                let index = try #require(choice["index"] as? Int)
                texts[index] += (choice["delta"] as? [String: Any])?["content"] as? String ?? ""
            }
            #expect(texts == ["a b", "a b"])
            #expect(frames.count { $0.contains(#""logprob":-0.5"#) } == 4)
            #expect(!frames.contains { $0.contains("usage") })
        }
    }

    @Test func `silence on a stream is filled with comments`() async throws {
        let gate = Gate()
        let service = try TestService(ScriptedGenerator(["a", "b"], gate: gate)) {
            $0.keepAliveInterval = .milliseconds(20)
        }
        try await service.serve(.live) { client in
            let port = try #require(client.port)
            let text = try await blocking {
                let socket = try Socket.connect(port: port)
                defer { close(socket) }
                _ = Socket.write(Self.request(#""stream":true"#), to: socket)
                let beginning = Socket.read(socket, until: ": keep-alive\n\n")
                gate.open()
                return beginning + Socket.read(socket, until: "[DONE]")
            }
            #expect(text.contains(": keep-alive\n\n") && text.contains("[DONE]"))
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: [#""stream":true"#, #""stream":false"#])
    func `a client that goes away cancels its request`(fields: String) async throws {
        let generator = ScriptedGenerator(["a", "b"], gate: Gate())
        let service = try TestService(generator)
        try await service.serve(.live) { client in
            let port = try #require(client.port)
            let socket = try await blocking {
                let socket = try Socket.connect(port: port)
                _ = Socket.write(Self.request(fields), to: socket)
                return socket
            }
            while generator.requests.withLock({ $0.isEmpty }) { await Task.yield() }
            close(socket)
            for await _ in generator.cancellations { break }
            let job = try #require(try await service.store.jobs(limit: 1).first)
            for await _ in service.store.changes(of: job.id) {}
            let counts = try #require(try await service.store.job(job.id)).counts
            #expect(counts.cancelled == 1, "\(counts)")
        }
    }

    @Test(.timeLimit(.minutes(5))) func `a client that goes away while its image is fetched cancels its request`()
        async throws
    {
        let host = try LoopbackHost { _, _ in .silence }
        defer { host.stop() }
        let service = try TestService(ScriptedGenerator(["never"])) {
            $0.fetchPolicy.allowedHosts = ["127.0.0.1"]
            $0.fetchPolicy.patience = .seconds(600)
            $0.fetchPolicy.deadline = .seconds(600)
        }
        try await service.serve(.live) { client in
            let port = try #require(client.port)
            let image = #"{"type":"image_url","image_url":"http://127.0.0.1:\#(host.port)/"}"#
            let socket = try await blocking {
                let socket = try Socket.connect(port: port)
                _ = Socket.write(Self.request(#""stream":true"#, content: "[\(image)]"), to: socket)
                return socket
            }
            while host.requestCount == 0 { await Task.yield() }
            close(socket)
            let job = try #require(try await service.store.jobs(limit: 1).first)
            for await _ in service.store.changes(of: job.id) {}
            let counts = try #require(try await service.store.job(job.id)).counts
            #expect(counts.cancelled == 1, "\(counts)")
        }
    }

    @Test(.timeLimit(.minutes(5))) func `a connection is kept for the next request`() async throws {
        let service = try TestService(ScriptedGenerator(["a"]))
        try await service.serve(.live) { client in
            let port = try #require(client.port)
            let text = try await blocking {
                let socket = try Socket.connect(port: port)
                defer { close(socket) }
                var text = ""
                for fields in ["", #""stream":true"#, ""] {
                    _ = Socket.write(Self.request(fields), to: socket)
                    text += Socket.read(socket, until: fields.isEmpty ? #""prompt_logprobs":null}"# : "\r\n0\r\n\r\n")
                }
                return text
            }
            #expect(text.components(separatedBy: "HTTP/1.1 200 OK").count == 4)
        }
    }

    static func request(_ fields: String, content: String = #""What is this?""#) -> String {
        let body = #"{"messages":[{"role":"user","content":\#(content)}]\#(fields.isEmpty ? "" : ",")\#(fields)}"#
        return "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }
}
