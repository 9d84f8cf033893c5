// Where clang places sockaddr_in as soon as another file imports NIOCore.
import CNIOLinux
import Foundation
import Glibc
import Synchronization

/// A web host on this machine that says exactly what a test wants, true or not.
///
/// Threads of its own: Dispatch adds threads for blocked ones only after a second or two.
final class LoopbackHost: Sendable {
    enum Answer: Sendable {
        case bytes(String)
        case redirect(String)
        /// 200, and then bytes until nobody reads them.
        case endless
        /// Nothing at all.
        case silence
        /// 200, and then a byte now and then.
        case drip
    }

    let port: Int
    private let listener: Int32
    private let requests = Atomic(0)

    /// How many requests arrived.
    var requestCount: Int { requests.load(ordering: .relaxed) }

    /// `answer` is given a request's path and this host's port.
    init(_ answer: @escaping @Sendable (_ path: String, _ port: Int) -> Answer) throws {
        (listener, port) = try Socket.listen()
        let (listener, port) = (listener, port)
        Thread.detachNewThread { [weak self] in
            // Closed here and not by `stop`: a number given back too early may be another test's socket by now.
            defer { close(listener) }
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                self?.requests.add(1, ordering: .relaxed)
                Thread.detachNewThread {
                    let request = Socket.read(connection, until: "\r\n\r\n")
                    let path = request.split(separator: " ").dropFirst().first.map(String.init) ?? ""
                    Self.send(answer(path, port), to: connection)
                    close(connection)
                }
            }
        }
    }

    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private static func send(_ answer: Answer, to connection: Int32) {
        switch answer {
        case .bytes(let text): _ = Socket.write(text, to: connection)
        case .redirect(let location):
            _ = Socket.write(
                "HTTP/1.1 302 Found\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n", to: connection)
        case .endless:
            guard Socket.write("HTTP/1.1 200 OK\r\n\r\n", to: connection) else { return }
            while Socket.write(String(repeating: "x", count: 100), to: connection) {}
        case .silence: _ = Socket.read(connection, until: "never")
        case .drip:
            guard Socket.write("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", to: connection) else { return }
            while Socket.write("x", to: connection) { usleep(50_000) }
        }
    }
}

/// The few calls of a socket that a badly behaved host or client needs.
enum Socket {
    struct Failure: Error {}

    /// `host`: the last byte of 127.0.0.x.
    static func listen(host: UInt32 = 1) throws -> (Int32, Int) {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback(host: host, port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && Glibc.listen(socket, 64) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        guard isBound else { throw Failure() }
        return (socket, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// `receiveBuffer` is how many bytes the system takes for a client that does not read; nil for its own choice.
    static func connect(host: UInt32 = 1, port: Int, receiveBuffer: Int32? = nil) throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var receiveBuffer {
            setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = loopback(host: host, port: port)
        var limit = timeval(tv_sec: 240, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else {
            close(socket)
            throw Failure()
        }
        return socket
    }

    static func write(_ text: String, to socket: Int32) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// What comes until `marker` has come, the other side closes, or nothing has come for long.
    static func read(_ socket: Int32, until marker: String) -> String {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !text.utf8.contains(marker) {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        return text
    }

    private static func loopback(host: UInt32, port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = (0x7F00_0000 | host).bigEndian
        return address
    }
}

extension String.UTF8View {
    fileprivate func contains(_ marker: String) -> Bool { !marker.isEmpty && Array(self).contains(Array(marker.utf8)) }
}

/// Runs calls that block on a thread of their own, not on one that the server under test needs.
func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
}
