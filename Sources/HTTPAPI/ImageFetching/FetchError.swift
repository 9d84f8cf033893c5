import Jobs

/// Why the image at an address was not fetched.
enum FetchError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Not an address.
    case malformed(url: String, reason: String)
    /// An address that this server does not fetch from.
    case notAllowed(url: String, reason: String)
    case unknownHost(url: String)
    case unreachable(url: String)
    case status(url: String, code: Int)
    case tooManyRedirects(url: String, limit: Int)
    case tooLarge(url: String, limit: Int)
    case timedOut(url: String, limit: Duration)
    /// The connection broke, or what came over it is not HTTP.
    case broken(url: String)

    var code: String {
        switch self {
        case .malformed: "invalid_url"
        case .notAllowed: "url_not_allowed"
        case .unknownHost: "image_fetch_unknown_host"
        case .unreachable: "image_fetch_unreachable"
        case .status: "image_fetch_status"
        case .tooManyRedirects: "image_fetch_redirects"
        case .tooLarge: "image_fetch_too_large"
        case .timedOut: "image_fetch_timeout"
        case .broken: "image_fetch_broken"
        }
    }

    /// Whether another try may help.
    var isRetryable: Bool {
        switch self {
        case .malformed, .notAllowed, .tooManyRedirects, .tooLarge: false
        case .status(_, let code): code == 408 || code == 429 || code >= 500
        case .unknownHost, .unreachable, .timedOut, .broken: true
        }
    }

    var failure: RequestFailure { RequestFailure(code: code, message: description, isRetryable: isRetryable) }

    var description: String {
        switch self {
        case .malformed(let url, let reason):
            "The image URL \(Self.short(url)) is not valid: \(reason)."
        case .notAllowed(let url, let reason):
            "The image URL \(Self.short(url)) is not allowed: \(reason)."
        case .unknownHost(let url):
            "The image \(Self.short(url)) cannot be fetched: its host has no address."
        case .unreachable(let url):
            "The image \(Self.short(url)) cannot be fetched: its host does not accept a connection."
        case .status(let url, let code):
            "The image \(Self.short(url)) cannot be fetched: its host answered with status \(code)."
        case .tooManyRedirects(let url, let limit):
            "The image \(Self.short(url)) cannot be fetched: more than \(limit) redirects."
        case .tooLarge(let url, let limit):
            "The image \(Self.short(url)) is too large: the limit is \(limit) bytes."
        case .timedOut(let url, let limit):
            "The image \(Self.short(url)) was not fetched completely within \(limit)."
        case .broken(let url):
            "The image \(Self.short(url)) cannot be fetched: the connection broke, or the answer is not valid HTTP."
        }
    }

    /// The beginning of a client's own text, without characters that could disturb a log.
    private static func short(_ url: String) -> String {
        String(
            String.UnicodeScalarView(
                url.unicodeScalars.prefix(200).filter { !$0.properties.isWhitespace && $0.value > 0x1F }))
    }
}
