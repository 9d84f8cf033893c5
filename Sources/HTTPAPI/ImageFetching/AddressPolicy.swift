/// Which addresses are the public internet's: everything else is somebody's own network, this machine, or a way to it.
///
/// From the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890 and its updates). Addresses that carry an IPv4
/// address are judged by it.
enum AddressPolicy {
    static func isPublic(_ address: IPAddress) -> Bool {
        if let carried = carriedAddress(in: address) { return isPublic(carried) }
        switch address {
        case .v4: return !special4.contains { address.isIn($0.prefix, $0.length) }
        // Only 2000::/3 is given out.
        case .v6: return address.isIn(global6.prefix, 3) && !special6.contains { address.isIn($0.prefix, $0.length) }
        }
    }

    private struct Range {
        let prefix: IPAddress
        let length: Int

        init(_ prefix: String, _ length: Int) {
            guard let prefix = IPAddress(prefix) else { preconditionFailure("\(prefix) is not an address") }
            self.prefix = prefix
            self.length = length
        }
    }

    private static let special4 = [
        Range("0.0.0.0", 8),  // this network
        Range("10.0.0.0", 8), Range("172.16.0.0", 12), Range("192.168.0.0", 16),  // private (RFC 1918)
        Range("100.64.0.0", 10),  // carrier-grade NAT; Alibaba's metadata service lives here
        Range("127.0.0.0", 8),  // this machine
        Range("169.254.0.0", 16),  // link-local; most clouds' metadata service
        Range("192.0.0.0", 24),  // protocol assignments; Oracle's metadata service
        Range("192.0.2.0", 24), Range("198.51.100.0", 24), Range("203.0.113.0", 24),  // documentation
        Range("192.88.99.0", 24),  // 6to4 relays, retired
        Range("198.18.0.0", 15),  // benchmarks
        Range("168.63.129.16", 32),  // Azure's host agent, an otherwise public address
        Range("224.0.0.0", 4),  // multicast
        Range("240.0.0.0", 4),  // reserved, broadcast
    ]

    private static let global6 = Range("2000::", 3)

    private static let special6 = [
        Range("2001::", 23),  // protocol assignments: Teredo, ORCHID, benchmarks
        Range("2001:db8::", 32), Range("3fff::", 20),  // documentation
    ]

    /// Where each way of putting IPv4 into IPv6 keeps it: mapped, compatible, NAT64, 6to4. NAT64's local prefix
    /// (64:ff9b:1::/48) is not among them: each network chooses where it keeps the address there, and it is no public one.
    private static let carriers: [(range: Range, offset: Int)] = [
        (Range("::ffff:0:0", 96), 12), (Range("::ffff:0:0:0", 96), 12), (Range("64:ff9b::", 96), 12),
        (Range("2002::", 16), 2),
    ]

    private static func carriedAddress(in address: IPAddress) -> IPAddress? {
        guard case .v6(let bytes) = address,
            let carrier = carriers.first(where: { address.isIn($0.range.prefix, $0.range.length) })
        else { return nil }
        return .v4(bytes[carrier.offset..<carrier.offset + 4].reduce(0) { $0 << 8 | UInt32($1) })
    }
}
