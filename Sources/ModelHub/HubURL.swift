import FoundationEssentials

/// An http or https address of a hub or of a host that it sends us to.
struct HubURL: Hashable, Sendable {
    /// Whom a request reaches: the token of one origin is nothing for another.
    struct Origin: Hashable, Sendable {
        let scheme: String
        let host: String
        let port: Int
    }

    let text: String
    let origin: Origin
    private let url: URL

    private static let longestText = 16 << 10

    /// Nil for anything but a complete http or https address without user name and password.
    init?(_ text: String) {
        guard text.utf8.count <= Self.longestText, let url = URL(string: text) else { return nil }
        self.init(url)
    }

    private init?(_ url: URL) {
        guard let scheme = url.scheme?.lowercased(), scheme == "http" || scheme == "https",
            let host = url.host?.lowercased(), !host.isEmpty, url.user == nil, url.password == nil
        else { return nil }
        self.url = url
        text = url.absoluteString
        origin = Origin(scheme: scheme, host: host, port: url.port ?? (scheme == "http" ? 80 : 443))
    }

    /// `path` begins with a slash and is percent-encoded.
    func appending(_ path: String) throws(HubError) -> HubURL {
        guard let longer = HubURL((text.hasSuffix("/") ? String(text.dropLast()) : text) + path) else {
            throw .badEndpoint(text, reason: "\(path) cannot be appended to it")
        }
        return longer
    }

    /// Where a redirect from here leads. Encryption is never given up on the way.
    func following(_ location: String) throws(HubError) -> HubURL {
        guard location.utf8.count <= Self.longestText,
            let next = URL(string: location, relativeTo: url).flatMap({ HubURL($0.absoluteURL) })
        else {
            throw .badRedirect(
                url: shown, location: String(location.prefix(200)), reason: "it is no plain http or https address")
        }
        if origin.scheme == "https", next.origin.scheme == "http" {
            throw .badRedirect(url: shown, location: next.shown, reason: "it would give up encryption")
        }
        return next
    }

    /// For messages: without the query, which holds signatures of content hosts.
    var shown: String { String(text.prefix { $0 != "?" && $0 != "#" }.prefix(300)) }
}
