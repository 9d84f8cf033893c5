extension FetchPolicy {
    /// The hosts of a list ("::1, LOCALHOST,127.1") in the one spelling by which `allowedHosts` are compared.
    public static func hosts(in list: String) throws(UnknownHost) -> Set<String> {
        var hosts: Set<String> = []
        for name in list.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            guard let host = canonical(String(name)) else { throw UnknownHost(name: String(name)) }
            hosts.insert(host)
        }
        return hosts
    }

    /// What is neither a name nor an address, because it has a scheme, a port or a wildcard, say.
    public struct UnknownHost: Error, Sendable, Hashable, CustomStringConvertible {
        public let name: String
        public var description: String {
            "\(name) is not the name or address of a host; leave out scheme, port and path"
        }
    }

    private static func canonical(_ name: String) -> String? {
        guard name.utf8.allSatisfy({ !"/?#@%".utf8.contains($0) }) else { return nil }
        let isBracketed = name.hasPrefix("[") && name.hasSuffix("]")
        let address6 = isBracketed ? String(name.dropFirst().dropLast()) : name
        return try? ImageURL(name.contains(":") ? "http://[\(address6)]/" : "http://\(name)/").host
    }
}
