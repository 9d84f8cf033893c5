// Where clang places sockaddr_in as soon as another file imports NIOCore.
import CNIOLinux
import Foundation
import Glibc

@testable import HTTPAPI

/// Many clients of one thread: each sends a request and gathers what comes.
final class PolledClients {
    struct Client {
        let socket: Int32
        let sent: ContinuousClock.Instant
        var bytes: [UInt8] = []
        /// When the first token came.
        var first: ContinuousClock.Instant?
        var isOver = false
    }

    private(set) var clients: [Client] = []
    private static let token = Array(#""content":"t"#.utf8)

    deinit { for client in clients { close(client.socket) } }

    /// Opens `count` connections and sends `request` on each.
    init(_ count: Int, port: Int, sending request: String) throws {
        for _ in 0..<count {
            let socket = try Socket.connect(port: port)
            clients.append(Client(socket: socket, sent: .now))
            guard Socket.write(request, to: socket) else { throw Socket.Failure() }
        }
    }

    /// Reads until `isDone` of all, every connection is over, or nothing has come for two minutes.
    func read(until isDone: (Client) -> Bool) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let open = clients.indices.filter { !clients[$0].isOver && !isDone(clients[$0]) }
            guard !open.isEmpty else { return }
            var polled = open.map { pollfd(fd: clients[$0].socket, events: Int16(POLLIN), revents: 0) }
            guard poll(&polled, nfds_t(polled.count), 120_000) > 0 else { return }
            for (place, index) in open.enumerated() where polled[place].revents != 0 {
                let count = recv(clients[index].socket, &buffer, buffer.count, 0)
                guard count > 0 else {
                    clients[index].isOver = true
                    continue
                }
                clients[index].bytes += buffer[..<count]
                if clients[index].first == nil, clients[index].bytes.contains(Self.token) {
                    clients[index].first = .now
                }
            }
        }
    }

    /// Times to the first token, in order.
    var firstTokens: [Duration] { clients.compactMap { client in client.first.map { $0 - client.sent } }.sorted() }
}

extension [UInt8] {
    /// Where `pattern` ends when looked for from `start`; nil if it is not there.
    func end(of pattern: [UInt8], from start: Int = 0) -> Int? {
        withUnsafeBytes { bytes in
            var place = start
            while place + pattern.count <= bytes.count, let base = bytes.baseAddress {
                guard let found = memchr(base + place, Int32(pattern[0]), bytes.count - place - pattern.count + 1)
                else { return nil }
                if memcmp(found, pattern, pattern.count) == 0 { return UnsafeRawPointer(found) - base + pattern.count }
                place = UnsafeRawPointer(found) - base + 1
            }
            return nil
        }
    }

    func contains(_ pattern: [UInt8]) -> Bool { end(of: pattern) != nil }

    func count(of pattern: [UInt8]) -> Int {
        var (count, place) = (0, 0)
        while let end = end(of: pattern, from: place) { (count, place) = (count + 1, end) }
        return count
    }
}

/// What the load tests print and judge.
enum Load {
    static let isLong = ProcessInfo.processInfo.environment["DOCENT_LONG_TESTS"] != nil

    static var residentBytes: Int {
        let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        return status?.firstMatch(of: /VmRSS:\s+([0-9]+) kB/).flatMap { Int($0.output.1) }.map { $0 * 1024 } ?? 0
    }

    /// Lets this process have as many descriptors open as it may, as `docent serve` does.
    static func raiseOpenFileLimit() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
    }

    /// The duration below which `part` of those in order lie.
    static func quantile(_ part: Double, of durations: [Duration]) -> Duration {
        durations.isEmpty ? .zero : durations[Int((Double(durations.count - 1) * part).rounded())]
    }

    static func milliseconds(_ duration: Duration) -> Int { Int((duration / .milliseconds(1)).rounded()) }
}
