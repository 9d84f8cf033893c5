/// An http or https address, taken apart once; what is fetched is rebuilt from the parts, so that no second parser can
/// read it another way (vLLM's CVE-2026-24779 was such a difference).
struct ImageURL: Hashable, Sendable {
    enum Scheme: String, Sendable { case http, https }

    let scheme: Scheme
    /// Lower case, without brackets and final dot; an address in its one spelling.
    let host: String
    /// Set when the host is written as an address.
    let address: IPAddress?
    let port: Int
    /// Path and query, beginning with a slash; no fragment.
    let target: String

    static let longestText = 8192

    init(_ text: String) throws(FetchError) {
        guard text.utf8.count <= Self.longestText else {
            throw .malformed(url: text, reason: "it is longer than \(Self.longestText) bytes")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }) else {
            throw .malformed(url: text, reason: "it contains spaces, control characters or backslashes")
        }
        guard let colon = text.firstIndex(of: ":"), let scheme = Scheme(rawValue: text[..<colon].lowercased()) else {
            throw .notAllowed(url: text, reason: "only http, https and data URLs are taken")
        }
        let rest = text[text.index(after: colon)...]
        guard rest.hasPrefix("//") else { throw .malformed(url: text, reason: "it has no host") }
        let authority = rest.dropFirst(2).prefix { !"/?#".contains($0) }
        guard !authority.contains("@") else {
            throw .notAllowed(url: text, reason: "it carries a user name or password")
        }
        let (host, port) = try Self.split(authority, in: text)
        (self.host, address) = try Self.canonical(host, in: text)
        self.scheme = scheme
        self.port = port ?? (scheme == .http ? 80 : 443)
        target = Self.target(rest[authority.endIndex...])
    }

    /// The address that a redirect from here to `location` means (RFC 3986, 5.2; dot segments are left to the host).
    func following(_ location: String) throws(FetchError) -> ImageURL {
        let origin = "\(scheme.rawValue)://\(authority)"
        if location.hasPrefix("//") { return try ImageURL("\(scheme.rawValue):\(location)") }
        if location.hasPrefix("/") { return try ImageURL(origin + location) }
        let path = target.prefix { $0 != "?" }
        if location.hasPrefix("?") { return try ImageURL(origin + path + location) }
        let prefix = location.prefix { $0.isLetter || $0.isNumber || "+-.".contains($0) }
        if location[prefix.endIndex...].hasPrefix(":") { return try ImageURL(location) }
        return try ImageURL(origin + path[...(path.lastIndex(of: "/") ?? path.startIndex)] + location)
    }

    var text: String { "\(scheme.rawValue)://\(authority)\(target)" }

    private var authority: String {
        let name = if case .v6 = address { "[\(host)]" } else { host }
        return port == (scheme == .http ? 80 : 443) ? name : "\(name):\(port)"
    }

    private static func split(_ authority: Substring, in text: String) throws(FetchError) -> (Substring, Int?) {
        let hostEnd: Substring.Index
        if authority.hasPrefix("["), let bracket = authority.firstIndex(of: "]") {
            hostEnd = authority.index(after: bracket)
        } else {
            hostEnd = authority.firstIndex(of: ":") ?? authority.endIndex
        }
        let rest = authority[hostEnd...]
        if rest.isEmpty || rest == ":" { return (authority[..<hostEnd], nil) }
        let digits = rest.dropFirst()
        guard rest.first == ":", digits.utf8.allSatisfy({ 48...57 ~= $0 }), let port = Int(digits),
            (1...65535).contains(port)
        else { throw .malformed(url: text, reason: "its port is not a number from 1 to 65535") }
        return (authority[..<hostEnd], port)
    }

    private static func canonical(_ host: Substring, in text: String) throws(FetchError) -> (String, IPAddress?) {
        if host.hasPrefix("[") {
            guard let address = IPAddress(String(host.dropFirst().dropLast())), case .v6 = address else {
                throw .malformed(url: text, reason: "its host is not an IPv6 address")
            }
            return (address.description, address)
        }
        var name = host.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        guard !name.isEmpty, name.utf8.count <= 253, !name.hasPrefix("."), !name.contains(".."),
            name.utf8.allSatisfy({ 48...57 ~= $0 || 97...122 ~= $0 || "-._".utf8.contains($0) })
        else {
            throw .malformed(url: text, reason: "its host is not a name in ASCII letters, digits, dots and hyphens")
        }
        switch IPAddress.spelled(name) {
        case .none: return (name, nil)
        case .some(.none): throw .malformed(url: text, reason: "its host is a number but not an address")
        case .some(.some(let address)): return (address.description, address)
        }
    }

    /// Bytes beyond ASCII are percent-encoded, as browsers do.
    private static func target(_ rest: Substring) -> String {
        let visible = rest.prefix { $0 != "#" }
        let digits = Array("0123456789ABCDEF")
        let encoded = visible.utf8.reduce(into: "") { text, byte in
            if byte < 0x80 {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return encoded.hasPrefix("/") ? encoded : "/" + encoded
    }
}
