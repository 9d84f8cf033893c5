import Foundation
import Glibc
import Hummingbird
import HummingbirdTesting
import Inference
import Models
import Synchronization
import Testing

@testable import HTTPAPI

/// Clients that ask for much and read little of it.
@Suite(.serialized) struct SlowReaderTests {
    @Test(.timeLimit(.minutes(5)))
    func `clients that stop reading lose their answers, take bounded memory, and keep nobody waiting`() async throws {
        let (readers, generator) = (20, SteadyGenerator())
        let service = try TestService(generator) { $0.writePatience = .milliseconds(500) }
        try await service.serve(.live) { client in
            let port = try #require(client.port)
            let before = Load.residentBytes
            let sockets = try await blocking {
                try (0..<readers).map { _ in
                    let socket = try Socket.connect(port: port, receiveBuffer: 4096)
                    _ = Socket.write(StreamingTests.request(#""stream":true"#), to: socket)
                    return socket
                }
            }
            defer { for socket in sockets { close(socket) } }
            var (stopped, most) = (0, before)
            for await _ in generator.stopped {
                stopped += 1
                most = max(most, Load.residentBytes)
                #expect(try await Self.answers(port))
                if stopped == readers { break }
            }
            let made = generator.made.load(ordering: .relaxed)
            print(
                "load: \(readers) clients that read nothing were given up after \(made >> 10) KiB in all; "
                    + "\((most - before) >> 10) KiB resident meanwhile")
            // What was made for nobody: half a second of each, more where the machine is busy.
            #expect(made < readers * (16 << 20))
            // Other tests in this process are none of it in the long form.
            if Load.isLong { #expect(most - before < 64 << 20) }
            #expect(try await Self.answers(port))
        }
    }

    /// Over a connection of its own: the client's may have been idle for too long where the machine is busy.
    private static func answers(_ port: Int) async throws -> Bool {
        try await blocking {
            let socket = try Socket.connect(port: port)
            defer { close(socket) }
            _ = Socket.write("GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n", to: socket)
            return Socket.read(socket, until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 OK")
        }
    }

    @Test(.timeLimit(.minutes(5))) func `a client that reads byte by byte gets the whole stream`() async throws {
        let words = (0..<40).map { "t\($0) " }
        let service = try TestService(ScriptedGenerator(words))
        try await service.serve(.live) { client in
            let port = try #require(client.port)
            let bytes = try await blocking {
                let socket = try Socket.connect(port: port, receiveBuffer: 4096)
                defer { close(socket) }
                _ = Socket.write(StreamingTests.request(#""stream":true"#), to: socket)
                var (bytes, byte) = ([UInt8](), UInt8(0))
                while recv(socket, &byte, 1, 0) == 1, !bytes.suffix(7).elementsEqual("\r\n0\r\n\r\n".utf8) {
                    bytes.append(byte)
                    if bytes.suffix(7).elementsEqual("\r\n0\r\n\r\n".utf8) { break }
                }
                return bytes
            }
            var place = 0
            for word in words {
                place = try #require(bytes.end(of: Array(#""content":"\#(word)""#.utf8), from: place), "\(word)")
            }
            #expect(bytes.end(of: Array("data: [DONE]\n\n".utf8), from: place) != nil)
        }
    }
}

/// A kilobyte every millisecond for each request, until nobody wants more, as a fast model would.
private final class SteadyGenerator: TextGenerator {
    let made = Atomic(0)
    /// A value whenever an answer was not wanted any more.
    let stopped: AsyncStream<Void>
    private let stops: AsyncStream<Void>.Continuation

    init() { (stopped, stops) = AsyncStream.makeStream() }

    func generate(_ request: GenerationRequest) -> AsyncThrowingStream<GenerationEvent, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task { [self] in
                let word = String(repeating: "x", count: 1024)
                while (try? await Task.sleep(for: .milliseconds(1))) != nil {
                    continuation.yield(.delta(GeneratedText(text: word, tokens: [GeneratedToken(id: 300)])))
                    made.add(word.utf8.count, ordering: .relaxed)
                }
                stops.yield()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
