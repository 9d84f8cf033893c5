import Foundation
import Jobs
import Testing
import Workers

@testable import HTTPAPI

/// The fetcher against a host on this machine that behaves badly.
@Suite(.serialized) struct FetcherTests {
    private func fetch(
        _ path: String, from host: LoopbackHost, _ adjust: (inout FetchPolicy) -> Void = { _ in }
    ) async throws -> [UInt8] {
        var policy = FetchPolicy.patient
        policy.allowedHosts = ["127.0.0.1"]
        if ["/silent", "/drip"].contains(path) {
            policy.patience = .milliseconds(500)
            policy.deadline = .milliseconds(900)
        }
        policy.maxBytes = 1000
        adjust(&policy)
        let folder = FileManager.default.temporaryDirectory.appending(path: "fetch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try JobStore(path: folder.appending(path: "docent.sqlite").path)
        let source = RemoteImageSource(local: LocalImageSource(blobs: store.blobs, maxBytes: 10), policy: policy)
        do {
            let bytes = try await source.bytes(of: .url("http://127.0.0.1:\(host.port)\(path)"))
            try await store.close()
            return bytes
        } catch {
            try await store.close()
            throw error
        }
    }

    @Test func `an image is fetched, and through redirects, by absolute and relative locations`() async throws {
        let host = try LoopbackHost { request, port in
            switch request {
            case "/image":
                .bytes("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Type: text/html\r\n\r\n\u{1}\u{2}\u{3}\u{4}")
            case "/one": .redirect("/two")
            case "/two": .redirect("http://127.0.0.1:\(port)/image")
            default: .bytes("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            }
        }
        defer { host.stop() }
        #expect(try await fetch("/image", from: host) == [1, 2, 3, 4])
        #expect(try await fetch("/one", from: host) == [1, 2, 3, 4])
    }

    @Test(arguments: [
        ("/404", "image_fetch_status"), ("/500", "image_fetch_status"), ("/204", "image_fetch_status"),
        ("/loop", "image_fetch_redirects"), ("/nowhere", "image_fetch_broken"), ("/garbage", "image_fetch_broken"),
        ("/short", "image_fetch_broken"), ("/declared-large", "image_fetch_too_large"),
        ("/endless", "image_fetch_too_large"), ("/silent", "image_fetch_timeout"), ("/drip", "image_fetch_timeout"),
        ("/to-private", "url_not_allowed"), ("/to-metadata", "url_not_allowed"), ("/to-decimal", "url_not_allowed"),
        ("/to-v6", "url_not_allowed"), ("/to-file", "url_not_allowed"), ("/to-localhost", "url_not_allowed"),
        ("/to-user", "url_not_allowed"), ("/to-nonsense", "invalid_url"),
    ])
    func `a host that misbehaves is one typed failure in bounded time`(path: String, code: String) async throws {
        let host = try LoopbackHost { request, port in
            switch request {
            case "/404": .bytes("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            case "/500": .bytes("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
            case "/204": .bytes("HTTP/1.1 204 No Content\r\n\r\n")
            case "/loop": .redirect("/loop")
            case "/nowhere": .bytes("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")
            case "/garbage": .bytes("SSH-2.0-OpenSSH_9.9\r\n\r\n")
            case "/short": .bytes("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nabc")
            case "/declared-large": .bytes("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n")
            case "/endless": .endless
            case "/silent": .silence
            case "/drip": .drip
            case "/to-private": .redirect("http://10.0.0.1/")
            case "/to-metadata": .redirect("http://169.254.169.254/latest/meta-data/")
            case "/to-decimal": .redirect("http://2130706434:\(port)/image")
            case "/to-v6": .redirect("http://[::1]:\(port)/image")
            case "/to-file": .redirect("file:///etc/passwd")
            case "/to-localhost": .redirect("http://localhost:8080/image")
            case "/to-user": .redirect("http://a@127.0.0.1:\(port)/image")
            default: .redirect("http://exa mple/")
            }
        }
        defer { host.stop() }
        let start = ContinuousClock.now
        let failure = await #expect(throws: RequestFailure.self) { try await fetch(path, from: host) }
        #expect(failure?.code == code)
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(host.requestCount <= 4)
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `no redirect leads to an address that is not public`(status: Int) async throws {
        let host = try LoopbackHost { _, _ in
            .bytes("HTTP/1.1 \(status) Elsewhere\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")
        }
        defer { host.stop() }
        let failure = await #expect(throws: RequestFailure.self) { try await fetch("/", from: host) }
        #expect(failure?.code == "url_not_allowed" && host.requestCount == 1)
    }

    /// Nothing is unpacked, so a few bytes cannot become many.
    @Test func `a compressed body is taken as it is`() async throws {
        let host = try LoopbackHost { _, _ in
            .bytes("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd")
        }
        defer { host.stop() }
        #expect(try await fetch("/", from: host) == Array("abcd".utf8))
    }

    @Test(.timeLimit(.minutes(5)))
    func `the wait for a slot ends with the deadline, or when it is given up`() async throws {
        let host = try LoopbackHost { _, _ in .bytes("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx") }
        defer { host.stop() }
        let url = ImageReference.url("http://127.0.0.1:\(host.port)/")
        let slots = Slots(1)
        var policy = FetchPolicy.patient
        policy.allowedHosts = ["127.0.0.1"]
        let patient = RemoteImageSource(local: try Self.unusedSource(), policy: policy, slots: slots)
        policy.deadline = .milliseconds(20)
        let hurried = RemoteImageSource(local: try Self.unusedSource(), policy: policy, slots: slots)
        try await slots.withSlot {
            let late = await #expect(throws: RequestFailure.self) { try await hurried.bytes(of: url) }
            #expect(late?.code == "image_fetch_timeout")
            let given = Task { try await patient.bytes(of: url) }
            given.cancel()
            await #expect(throws: CancellationError.self) { try await given.value }
        }
        #expect(host.requestCount == 0)
        #expect(try await patient.bytes(of: url) == [120])
    }

    @Test(arguments: ["127.0.0.1", "localhost", "0x7f.1", "[::ffff:127.0.0.1]"])
    func `a private host is refused without a connection`(name: String) async throws {
        let host = try LoopbackHost { _, _ in .bytes("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx") }
        defer { host.stop() }
        var policy = FetchPolicy.patient
        policy.allowedPorts = [host.port]
        let source = RemoteImageSource(local: try Self.unusedSource(), policy: policy)
        let failure = await #expect(throws: RequestFailure.self) {
            try await source.bytes(of: .url("http://\(name):\(host.port)/"))
        }
        #expect(failure?.code == "url_not_allowed")
        #expect(host.requestCount == 0)
    }

    @Test func `private addresses can be allowed as a whole, and names are then resolved`() async throws {
        let host = try LoopbackHost { _, _ in .bytes("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx") }
        defer { host.stop() }
        var policy = FetchPolicy.patient
        policy.allowedPorts = [host.port]
        policy.allowsPrivateAddresses = true
        let source = RemoteImageSource(local: try Self.unusedSource(), policy: policy)
        #expect(try await source.bytes(of: .url("http://localhost:\(host.port)/")) == [120])
    }

    @Test func `a port where nobody listens and a name without address are failures that may pass`() async throws {
        let host = try LoopbackHost { _, _ in .silence }
        host.stop()
        let refused = await #expect(throws: RequestFailure.self) { try await fetch("/", from: host) }
        #expect(refused?.code == "image_fetch_unreachable")
        #expect(refused?.isRetryable == true)
        let source = RemoteImageSource(local: try Self.unusedSource(), policy: FetchPolicy())
        let unknown = await #expect(throws: RequestFailure.self) {
            try await source.bytes(of: .url("http://no-such-host.invalid/"))
        }
        #expect(unknown?.code == "image_fetch_unknown_host")
    }

    /// A local source for fetchers that never use it.
    private static func unusedSource() throws -> LocalImageSource {
        let folder = FileManager.default.temporaryDirectory.appending(path: "fetch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return LocalImageSource(
            blobs: try JobStore(path: folder.appending(path: "docent.sqlite").path).blobs, maxBytes: 10)
    }
}

extension FetchPolicy {
    /// No machine is so busy that a test times out by accident.
    fileprivate static var patient: FetchPolicy {
        var policy = FetchPolicy()
        policy.patience = .seconds(240)
        policy.deadline = .seconds(240)
        return policy
    }
}
