import Foundation
import Glibc
import Testing

@testable import docent

/// A server with very many clients that say nothing: 300, or 10,000 in the long form.
@Suite(.serialized)
struct IdleConnectionTests {
    private static let connections = ProcessInfo.processInfo.environment["DOCENT_LONG_TESTS"] == nil ? 300 : 10_000

    @Test(.timeLimit(.minutes(10)))
    func `idle connections cost a server little, and others are answered meanwhile`() async throws {
        OpenFiles.raiseLimit()
        let docent = try DocentProcess()
        let (server, url) = try await docent.startServer()
        defer { server.send(SIGKILL) }
        let port = try #require(URL(string: url)?.port)
        let before = try #require(server.residentBytes)
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        for _ in 0..<Self.connections { sockets.append(try Self.connect(port: port)) }
        // Every one of them has been accepted when the last is answered, and is idle again.
        var slowest = Duration.zero
        for socket in [sockets[0], sockets[Self.connections / 2], try #require(sockets.last)] {
            let start = ContinuousClock.now
            #expect(Self.ask("/v1/health/ready", on: socket).hasPrefix("HTTP/1.1 200 OK\r\n"))
            slowest = max(slowest, ContinuousClock.now - start)
        }
        let each = (try #require(server.residentBytes) - before) / Self.connections
        let start = ContinuousClock.now
        let ended = try await docent.run("jobs", "list")
        #expect(ended.status == 0, "\(ended.errors)")
        print(
            "load: \(Self.connections) idle connections, \(each) bytes resident for each; an answer meanwhile took "
                + "\(slowest) at most, docent jobs list \(ContinuousClock.now - start)")
        #expect(each < 64 << 10)

        server.send(SIGTERM)
        #expect(await server.ended().status == 0)
    }

    @Test func `as many files may be open as the system allows`() throws {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        try #require(getrlimit(resource, &limit) == 0 && limit.rlim_max > 2000)
        // Still far more than the tests beside this one use.
        limit.rlim_cur = limit.rlim_max - 1
        try #require(setrlimit(resource, &limit) == 0)
        OpenFiles.raiseLimit()
        #expect(OpenFiles.limit == UInt64(limit.rlim_max))
        #expect(OpenFiles.connections(upTo: 100) == 100)
        let most = OpenFiles.connections(upTo: .max)
        #expect(most >= 16 && most <= Int(clamping: limit.rlim_max) - OpenFiles.reserve)
    }

    private static func connect(port: Int) throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        try #require(isConnected, "errno \(errno)")
        return socket
    }

    private static func ask(_ path: String, on socket: Int32) -> String {
        let request = Array("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        guard send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return "" }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(socket, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }
}
