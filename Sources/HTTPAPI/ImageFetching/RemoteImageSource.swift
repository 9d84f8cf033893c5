import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
public import Workers

/// Files and blobs of this machine, and images on the network.
///
/// Every hop of a fetch is parsed, resolved and judged here, and the connection goes to the address that was judged
/// (pinned through the client's DNS override), so that neither a redirect nor a second answer of the resolver can lead
/// to a network that a client must not see.
public struct RemoteImageSource: ImageSource {
    private let local: LocalImageSource
    private let policy: FetchPolicy
    private let resolver = HostResolver()
    private let slots: Slots

    public init(local: LocalImageSource, policy: FetchPolicy) {
        self.init(local: local, policy: policy, slots: Slots(policy.maxConcurrentFetches))
    }

    init(local: LocalImageSource, policy: FetchPolicy, slots: Slots) {
        self.local = local
        self.policy = policy
        self.slots = slots
    }

    public func bytes(of reference: ImageReference) async throws -> [UInt8] {
        guard case .url(let text) = reference else { return try await local.bytes(of: reference) }
        do {
            return try await fetchInTime(ImageURL(text))
        } catch let error as FetchError {
            throw error.failure
        }
    }

    /// The wait for a slot counts: whoever waits behind slow hosts is answered in time, too.
    private func fetchInTime(_ url: ImageURL) async throws -> [UInt8] {
        try await withThrowingTaskGroup(of: [UInt8].self) { group in
            group.addTask { try await slots.withSlot { try await fetch(url) } }
            group.addTask {
                try await Task.sleep(for: policy.deadline)
                throw FetchError.timedOut(url: url.text, limit: policy.deadline)
            }
            defer { group.cancelAll() }
            guard let bytes = try await group.next() else { throw CancellationError() }
            return bytes
        }
    }

    private enum Hop: Sendable {
        case image([UInt8])
        case redirect(ImageURL)
    }

    private func fetch(_ url: ImageURL) async throws -> [UInt8] {
        var current = url
        for _ in 0...policy.maxRedirects {
            switch try await hop(current) {
            case .image(let bytes): return bytes
            case .redirect(let next): current = next
            }
        }
        throw FetchError.tooManyRedirects(url: url.text, limit: policy.maxRedirects)
    }

    private func hop(_ url: ImageURL) async throws -> Hop {
        try policy.check(url)
        let addresses = if let address = url.address { [address] } else { try await resolver.addresses(of: url.host) }
        guard !addresses.isEmpty else { throw FetchError.unknownHost(url: url.text) }
        try policy.check(addresses, of: url)
        for address in addresses.prefix(3) {
            do {
                return try await request(url, at: address)
            } catch FetchError.unreachable {
                continue
            }
        }
        throw FetchError.unreachable(url: url.text)
    }

    private func request(_ url: ImageURL, at address: IPAddress) async throws -> Hop {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .init(policy.patience), read: .init(policy.patience)))
        configuration.dnsOverride = [url.host: address.description]
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        do {
            return try await HTTPClient.withHTTPClient(configuration: configuration) { client in
                var request = HTTPClientRequest(url: url.text)
                request.headers = ["user-agent": "docent/1.0 (image fetcher)", "accept": "image/*"]
                let response = try await client.execute(request, timeout: .init(policy.deadline))
                return try await read(response, from: url)
            }
        } catch let error as FetchError {
            throw error
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            try Task.checkCancellation()
            throw Self.cause(of: error, url, policy)
        }
    }

    private func read(_ response: HTTPClientResponse, from url: ImageURL) async throws -> Hop {
        switch response.status.code {
        case 200:
            do {
                let body = try await response.body.collect(upTo: policy.maxBytes)
                return .image(Array(body.readableBytesView))
            } catch is NIOTooManyBytesError {
                throw FetchError.tooLarge(url: url.text, limit: policy.maxBytes)
            }
        case 301, 302, 303, 307, 308:
            guard let location = response.headers.first(name: "location") else {
                throw FetchError.broken(url: url.text)
            }
            return .redirect(try url.following(location))
        case let code:
            throw FetchError.status(url: url.text, code: Int(code))
        }
    }

    /// The client's errors in our words: whether a connection came about at all decides.
    private static func cause(of error: any Error, _ url: ImageURL, _ policy: FetchPolicy) -> FetchError {
        switch error {
        case is NIOConnectionError, is IOError: return .unreachable(url: url.text)
        case let error as HTTPClientError:
            switch error {
            case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
                return .unreachable(url: url.text)
            case .readTimeout, .deadlineExceeded:
                return .timedOut(url: url.text, limit: policy.patience)
            default: return .broken(url: url.text)
            }
        default: return .broken(url: url.text)
        }
    }
}
