import Foundation
import Glibc
import Hummingbird
import HummingbirdTesting
import Synchronization
import Testing

@testable import HTTPAPI

/// Clients that have ended their sending, of whom some still read.
@Suite struct HalfCloseTests {
    private static let question = "HTTP/1.1 102 Processing\r\n\r\n"

    @Test(.timeLimit(.minutes(5))) func `a client that only ended its sending is asked, and gets its answer`()
        async throws
    {
        let gate = Gate()
        let service = try TestService(ScriptedGenerator(["a ", "cat"], gate: gate))
        let text = try await service.talk { socket in
            _ = Socket.write(StreamingTests.request(""), to: socket)
            shutdown(socket, Int32(SHUT_WR))
            let question = Socket.read(socket, until: Self.question)
            gate.open()
            return question + Socket.read(socket, until: "never to come")
        }
        // Once, or more often where the machine is busy.
        #expect(text.hasPrefix(Self.question))
        #expect(text.replacing(Self.question, with: "").hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(text.contains(#""content":"a cat""#) && text.hasSuffix(#""prompt_logprobs":null}"#))
    }

    @Test(.timeLimit(.minutes(5))) func `a stream goes on for a client that only ended its sending`() async throws {
        let gate = Gate()
        let service = try TestService(ScriptedGenerator(["a ", "cat"], gate: gate))
        let text = try await service.talk { socket in
            _ = Socket.write(StreamingTests.request(#""stream":true"#), to: socket)
            let beginning = Socket.read(socket, until: #""content":"a ""#)
            shutdown(socket, Int32(SHUT_WR))
            let question = Socket.read(socket, until: ": are you there?\n\n")
            gate.open()
            return beginning + question + Socket.read(socket, until: "never to come")
        }
        #expect(text.contains(#""content":"cat""#) && text.contains("data: [DONE]\n\n"))
        #expect(text.hasSuffix("\r\n0\r\n\r\n"))
    }

    @Test(.timeLimit(.minutes(5))) func `requests that came together before the end are all answered`() async throws {
        let service = try TestService(ScriptedGenerator(["a ", "cat"]))
        let text = try await service.talk { socket in
            _ = Socket.write(
                StreamingTests.request("") + StreamingTests.request(#""stream":true"#) + StreamingTests.request(""),
                to: socket)
            shutdown(socket, Int32(SHUT_WR))
            return Socket.read(socket, until: "never to come")
        }
        #expect(text.components(separatedBy: "HTTP/1.1 200 OK\r\n").count == 4)
        #expect(text.contains("data: [DONE]\n\n") && text.hasSuffix(#""prompt_logprobs":null}"#))
    }

    /// It takes no interim responses, so whether it still reads cannot be known.
    @Test(.timeLimit(.minutes(5))) func `an HTTP 1.0 client that ended its sending counts as gone`() async throws {
        let generator = ScriptedGenerator(["a", "b"], gate: Gate())
        let service = try TestService(generator)
        let text = try await service.talk { socket in
            let request = StreamingTests.request("").replacingOccurrences(of: "HTTP/1.1", with: "HTTP/1.0")
            _ = Socket.write(request, to: socket)
            // One that leaves before its answer is begun has nothing to be cancelled.
            while generator.requests.withLock({ $0.isEmpty }) { usleep(1_000) }
            shutdown(socket, Int32(SHUT_WR))
            return Socket.read(socket, until: "never to come")
        }
        for await _ in generator.cancellations { break }
        #expect(!text.contains("102") && !text.contains("200 OK"))
    }
}
