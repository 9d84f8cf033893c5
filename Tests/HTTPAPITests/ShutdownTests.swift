import Foundation
import Glibc
import Jobs
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import HTTPAPI

/// What a graceful shutdown waits for, and what it does not. Limits that a test is not about are far away.
@Suite struct ShutdownTests {
    @Test(.timeLimit(.minutes(5))) func `a graceful shutdown ends a stream with an error frame once patience is over`()
        async throws
    {
        let generator = ScriptedGenerator(["a", "b"], gate: Gate())
        try await serve(generator, { $0.drainPatience = .milliseconds(50) }) { service, port, shutDown in
            async let text = blocking {
                let socket = try Socket.connect(port: port)
                defer { close(socket) }
                _ = Socket.write(StreamingTests.request(#""stream":true"#), to: socket)
                return Socket.read(socket, until: "[DONE]")
            }
            while generator.requests.withLock({ $0.isEmpty }) { await Task.yield() }
            try await shutDown()
            let frames = try await text.components(separatedBy: "data: ")
            #expect(frames.contains { $0.contains("shutting down") && $0.contains(#""code":503"#) })
            #expect(frames.last?.hasPrefix("[DONE]") == true)
            #expect(service.health.state == .draining)
            await #expect(throws: Socket.Failure.self) { try await blocking { try Socket.connect(port: port) } }
        }
    }

    @Test(.timeLimit(.minutes(5))) func `a watched job does not hold up a graceful shutdown`() async throws {
        try await serve(ScriptedGenerator([])) { service, port, shutDown in
            let job = try await service.store.openJob(NewJob(kind: "test", label: "never sealed", model: "m")).job
            let (socket, text) = try await blocking {
                let socket = try Socket.connect(port: port)
                _ = Socket.write("GET /v1/jobs/\(job.id)/events HTTP/1.1\r\nHost: x\r\n\r\n", to: socket)
                return (socket, Socket.read(socket, until: "\n\n\r\n"))
            }
            #expect(text.contains(#""id":"\#(job.id)""#))
            try await shutDown()
            #expect(try await blocking { Socket.read(socket, until: "0\r\n\r\n") }.hasSuffix("0\r\n\r\n"))
            close(socket)
        }
    }

    @Test(.timeLimit(.minutes(5))) func `a body that has not come whole does not hold up a graceful shutdown`()
        async throws
    {
        try await serve(ScriptedGenerator(["never"])) { _, port, shutDown in
            let socket = try await blocking {
                let socket = try Socket.connect(port: port)
                _ = Socket.write(
                    "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                        + "Content-Length: 500\r\nExpect: 100-continue\r\n\r\n", to: socket)
                // Asked for, so the server is reading the body.
                #expect(Socket.read(socket, until: "\r\n\r\n").hasPrefix("HTTP/1.1 100 Continue\r\n"))
                _ = Socket.write("{", to: socket)
                return socket
            }
            try await shutDown()
            close(socket)
        }
    }

    @Test(.timeLimit(.minutes(5))) func `a client that does not read its stream does not hold up a graceful shutdown`()
        async throws
    {
        // More than the buffers on both sides take.
        let generator = ScriptedGenerator([String](repeating: String(repeating: "x", count: 64 << 10), count: 128))
        let configure: (inout ServerConfiguration) -> Void = {
            $0.drainPatience = .milliseconds(50)
            $0.closingPatience = .milliseconds(50)
        }
        try await serve(generator, configure) { service, port, shutDown in
            let socket = try await blocking {
                let socket = try Socket.connect(port: port, receiveBuffer: 4096)
                _ = Socket.write(StreamingTests.request(#""stream":true"#), to: socket)
                return socket
            }
            while generator.requests.withLock({ $0.isEmpty }) { await Task.yield() }
            let job = try #require(try await service.store.jobs(limit: 1).first)
            for await _ in service.store.changes(of: job.id) {}
            #expect(try await service.store.job(job.id)?.counts.succeeded == 1)
            try await shutDown()
            close(socket)
        }
    }

    /// Runs a server as a service; `body` is told its port, and returns from its last parameter when `run` has ended.
    private func serve(
        _ generator: ScriptedGenerator, _ configure: (inout ServerConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (TestService, Int, _ shutDown: () async throws -> Void) async throws -> Void
    ) async throws {
        let (ports, port) = AsyncStream<Int>.makeStream()
        let far: (inout ServerConfiguration) -> Void = {
            $0.idleTimeout = .seconds(600)
            $0.bodyPatience = .seconds(600)
            $0.writePatience = .seconds(600)
            $0.drainPatience = .seconds(600)
            $0.closingPatience = .seconds(600)
            configure(&$0)
        }
        let service = try TestService(generator, configure: far, onServerRunning: { port.yield($0) })
        let group = ServiceGroup(configuration: .init(services: [service.server], logger: Logger(label: "test")))
        try await service.whileDispatching {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                var iterator = ports.makeAsyncIterator()
                let port = try #require(await iterator.next())
                try await body(service, port) {
                    await group.triggerGracefulShutdown()
                    _ = try await tasks.next()
                }
            }
        }
        try await service.close()
    }
}
