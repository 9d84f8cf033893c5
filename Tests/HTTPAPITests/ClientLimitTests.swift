import Foundation
import HTTPTypes
import HummingbirdTesting
import Synchronization
import Testing

@testable import HTTPAPI

struct ClientLimitTests {
    private func headers(_ key: String) -> HTTPFields {
        [.contentType: "application/json", .authorization: "Bearer \(key)"]
    }

    @Test func `each key has its own rate, told in the headers`() async throws {
        let service = try TestService(ScriptedGenerator(["a"])) {
            $0.clientKeys = [
                ClientKey(name: "slow", key: "k1", limits: .init(requestsPerMinute: 1)),
                ClientKey(name: "free", key: "k2"),
            ]
        }
        try await service.serve { client in
            let first = try await client.chat(headers: headers("k1"))
            #expect(first.status == .ok && first.headers[.rateLimit] == "1" && first.headers[.rateRemaining] == "0")
            #expect(first.headers[.rateReset]?.hasSuffix("s") == true)
            let second = try await client.chat(headers: headers("k1"))
            #expect(second.status == .tooManyRequests)
            #expect(try second.error()["type"] as? String == "RateLimitError")
            #expect((1...60).contains(Int(second.headers[.retryAfter] ?? "") ?? 0))
            // Looking costs nothing, and others have their own.
            #expect(try await client.get("/v1/models", headers: headers("k1")).status == .ok)
            for _ in 0..<3 {
                let other = try await client.chat(headers: headers("k2"))
                #expect(other.status == .ok && other.headers[.rateLimit] == nil)
            }
        }
    }

    @Test func `a stream holds its key's place until it is over`() async throws {
        let gate = Gate()
        let generator = ScriptedGenerator(["a", "b"], gate: gate)
        let service = try TestService(generator) {
            $0.apiKeys = ["k"]
            $0.clientLimits = .init(concurrentRequests: 1)
        }
        try await service.serve { client in
            async let first = client.chat(#""stream":true"#, headers: headers("k"))
            while generator.requests.withLock({ $0.isEmpty }) { await Task.yield() }
            let second = try await client.chat(headers: headers("k"))
            #expect(second.status == .tooManyRequests && second.headers[.retryAfter] == "1")
            gate.open()
            #expect(try await first.status == .ok)
            // The place is free a moment after the last byte was sent.
            var third = try await client.chat(headers: headers("k"))
            while third.status == .tooManyRequests { third = try await client.chat(headers: headers("k")) }
            #expect(third.status == .ok)
        }
    }

    @Test func `without keys everybody shares the limits`() async throws {
        let gate = Gate()
        let generator = ScriptedGenerator(["a", "b"], gate: gate)
        let service = try TestService(generator) { $0.clientLimits = .init(concurrentRequests: 1) }
        try await service.serve { client in
            async let first = client.chat()
            while generator.requests.withLock({ $0.isEmpty }) { await Task.yield() }
            let second = try await client.chat()
            #expect(second.status == .tooManyRequests)
            gate.open()
            #expect(try await first.status == .ok)
        }
    }
}
