import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Asks the system for a host's addresses, off the threads that serve connections.
///
/// `getaddrinfo` cannot be interrupted. A cancelled caller goes on at once, and the answer that comes later is dropped.
struct HostResolver: Sendable {
    private static let queue = DispatchQueue(label: "docent.resolver", attributes: .concurrent)

    /// The addresses of `host`, IPv4 first; empty when it has none.
    func addresses(of host: String) async throws -> [IPAddress] {
        let answer = Answer()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard answer.wait(with: continuation) else { return }
                Self.queue.async { answer.resume(with: .success(Self.resolve(host))) }
            }
        } onCancel: {
            answer.resume(with: .failure(CancellationError()))
        }
    }

    private static func resolve(_ host: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0, let first = list else { return [] }
        defer { freeaddrinfo(first) }
        var addresses: [IPAddress] = []
        for entry in sequence(first: first, next: { $0.pointee.ai_next }) {
            guard let address = address(entry.pointee), !addresses.contains(address) else { continue }
            addresses.append(address)
        }
        return addresses.filter(\.isV4) + addresses.filter { !$0.isV4 }
    }

    private static func address(_ entry: addrinfo) -> IPAddress? {
        guard let raw = UnsafeRawPointer(entry.ai_addr) else { return nil }
        switch entry.ai_family {
        case AF_INET:
            return .v4(UInt32(bigEndian: raw.load(as: sockaddr_in.self).sin_addr.s_addr))
        case AF_INET6:
            return .v6(withUnsafeBytes(of: raw.load(as: sockaddr_in6.self).sin6_addr) { Array($0) })
        default:
            return nil
        }
    }

    /// A continuation that is resumed once, by whoever is first.
    private final class Answer: Sendable {
        private enum State {
            case idle
            case waiting(CheckedContinuation<[IPAddress], any Error>)
            case done
        }

        private let state = Mutex(State.idle)

        /// False, and the continuation is resumed, when the caller was cancelled before it began to wait.
        func wait(with continuation: CheckedContinuation<[IPAddress], any Error>) -> Bool {
            let begins = state.withLock { state in
                guard case .idle = state else { return false }
                state = .waiting(continuation)
                return true
            }
            if !begins { continuation.resume(throwing: CancellationError()) }
            return begins
        }

        func resume(with result: Result<[IPAddress], any Error>) {
            let continuation: CheckedContinuation<[IPAddress], any Error>? = state.withLock { state in
                defer { state = .done }
                if case .waiting(let continuation) = state { return continuation }
                return nil
            }
            continuation?.resume(with: result)
        }
    }
}

extension IPAddress {
    fileprivate var isV4: Bool { if case .v4 = self { true } else { false } }
}
