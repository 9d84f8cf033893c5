import Foundation
import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A port of this machine that answers one request a connection.
///
/// Threads of its own: Dispatch adds threads for blocked ones only after a second or two.
final class LoopbackListener: Sendable {
    private let socket: Int32
    private let port: Int
    private let log: RequestLog
    private let isStopped = Atomic(false)

    private struct Failure: Error {}

    init(_ answer: @escaping @Sendable (HubRequest) -> HubReply) throws {
        let log = RequestLog()
        let (socket, port) = try Self.listen()
        (self.socket, self.port, self.log) = (socket, port, log)
        Thread.detachNewThread {
            // Closed here and not by `stop`: a number given back too early may be another test's socket by now.
            defer { close(socket) }
            while true {
                let connection = accept(socket, nil, nil)
                guard connection >= 0 else { return }
                Thread.detachNewThread {
                    defer { close(connection) }
                    guard let request = log.read(connection) else { return }
                    Self.send(answer(request), to: connection, isHead: request.method == "HEAD")
                }
            }
        }
    }

    var url: String { "http://127.0.0.1:\(port)" }
    var requests: [HubRequest] { log.requests }

    /// Once: afterwards the number may be another's socket.
    func stop() {
        if !isStopped.exchange(true, ordering: .relaxed) { shutdown(socket, Int32(SHUT_RDWR)) }
    }

    private static func send(_ reply: HubReply, to connection: Int32, isHead: Bool) {
        var head = "HTTP/1.1 \(reply.status) Whatever\r\nConnection: close\r\n"
        if case .never = reply.ending {
        } else if reply.headers["Content-Length"] == nil {
            head += "Content-Length: \(reply.body.count)\r\n"
        }
        for (name, value) in reply.headers.sorted(by: { $0.key < $1.key }) where !value.isEmpty {
            head += "\(name): \(value)\r\n"
        }
        guard write(Array((head + "\r\n").utf8), to: connection), !isHead else { return }
        switch reply.ending {
        case .whole: _ = write(reply.body, to: connection)
        case .cut(let count): _ = write(Array(reply.body.prefix(count)), to: connection)
        case .silence(let count):
            guard write(Array(reply.body.prefix(count)), to: connection) else { return }
            var byte: UInt8 = 0
            while recv(connection, &byte, 1, 0) > 0 {}
        case .never:
            var bytes = reply.body
            while write(bytes, to: connection) { bytes = Array(repeating: 32, count: 65536) }
        }
    }

    private static func write(_ bytes: [UInt8], to connection: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func listen() throws -> (Int32, Int) {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && Glibc.listen(socket, 64) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        guard isBound else { throw Failure() }
        return (socket, Int(UInt16(bigEndian: address.sin_port)))
    }
}

/// What has come so far.
private final class RequestLog: Sendable {
    private let seen = Mutex<[HubRequest]>([])

    var requests: [HubRequest] { seen.withLock { $0 } }

    /// The request on `connection`, as far as its head.
    func read(_ connection: Int32) -> HubRequest? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").map(String.init)
        let words = lines[0].split(separator: " ").map(String.init)
        guard words.count == 3 else { return nil }
        let headers = lines.dropFirst().reduce(into: [String: String]()) { headers, line in
            let pair = line.split(separator: ":", maxSplits: 1)
            headers[pair[0].lowercased()] = pair.count > 1 ? pair[1].trimmingCharacters(in: .whitespaces) : ""
        }
        return seen.withLock { seen in
            let number = seen.count { $0.method == words[0] && $0.target == words[1] }
            seen.append(HubRequest(method: words[0], target: words[1], headers: headers, number: number))
            return seen.last
        }
    }
}
