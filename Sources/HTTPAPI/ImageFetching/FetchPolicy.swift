/// What the fetcher of image addresses may do.
public struct FetchPolicy: Sendable, Hashable {
    /// Off: only data URLs are taken.
    public var isEnabled = true
    /// Hosts ("images.example.org", "127.0.0.1") that the operator vouches for: their private addresses and every port
    /// are allowed.
    public var allowedHosts: Set<String> = []
    /// Every private address is allowed, for closed networks.
    public var allowsPrivateAddresses = false
    public var allowedPorts: Set<Int> = [80, 443, 8080, 8443]
    public var maxRedirects = 3
    /// Longest image file.
    public var maxBytes = 64 << 20
    /// For everything together: names, redirects, and the last byte.
    public var deadline: Duration = .seconds(20)
    /// Longest wait for a connection, and longest silence of a host.
    public var patience: Duration = .seconds(5)
    /// Fetches at a time; each may hold `maxBytes`.
    public var maxConcurrentFetches = 16

    public init() {}

    /// Judges what can be seen without asking anybody: switch, port, and an address written as such.
    func check(_ url: ImageURL) throws(FetchError) {
        guard isEnabled else { throw .notAllowed(url: url.text, reason: "this server takes data URLs only") }
        if allowedHosts.contains(url.host) { return }
        guard allowedPorts.contains(url.port) else {
            throw .notAllowed(url: url.text, reason: "port \(url.port) is not one that images are fetched from")
        }
        if let address = url.address { try check([address], of: url) }
    }

    /// Judges the addresses that a host's name has. One bad address among good ones is refused too: which of them is
    /// used would be the host's choice.
    func check(_ addresses: [IPAddress], of url: ImageURL) throws(FetchError) {
        if allowsPrivateAddresses || allowedHosts.contains(url.host) { return }
        guard addresses.allSatisfy(AddressPolicy.isPublic) else {
            throw .notAllowed(url: url.text, reason: "the host is not on the public internet")
        }
    }
}
