import Models

/// What can go wrong between a hub, its cache on this machine and the person who wants a model.
public enum HubError: Error, Hashable, Sendable {
    case badReference(String, reason: String)
    case badEndpoint(String, reason: String)
    case badToken(reason: String)
    /// HF_HUB_OFFLINE is set and the cache does not hold the model.
    case offline(String, cache: String)
    /// 401 and 403. `reason`: what the hub says.
    case refused(url: String, status: Int, hasToken: Bool, reason: String?)
    case notFound(url: String, reason: String?)
    /// Another status than those above and below. `isForeign`: it came from a host that the hub sent us to.
    case status(url: String, code: Int, isForeign: Bool)
    /// 408, 429 and 5xx; `seconds`: the wait that was asked for.
    case busy(url: String, status: Int, seconds: Int?)
    case rangeRefused(url: String)
    case unreachable(url: String, reason: String)
    /// The connection broke, or what came is not what was asked for.
    case broken(url: String, reason: String)
    case silent(url: String, seconds: Int)
    case tooManyRedirects(url: String, limit: Int)
    case badRedirect(url: String, location: String, reason: String)
    case badListing(url: String, reason: String)
    case noSuchFile(String, repository: String, others: [String])
    case noWeights(repository: String, found: [String])
    case severalGGUF(repository: String, files: [String])
    /// The hub tells no hash by which a file could be checked.
    case noHash(file: String)
    case movedRevision(file: String, expected: String, found: String)
    case wrongSize(file: String, expected: Int, found: String)
    case wrongHash(file: String, expected: String, found: String)
    case notEnoughSpace(folder: String, needed: Int, free: Int)
    case diskFull(path: String)
    case unwritable(path: String, reason: String)
    case noLocks(path: String, reason: String)

    /// Whether the same request may succeed later.
    var isRetryable: Bool {
        switch self {
        case .busy, .rangeRefused, .unreachable, .broken, .silent: true
        // A signed address that has expired, say: the hub gives a new one.
        case .status(_, _, let isForeign): isForeign
        default: false
        }
    }
}

extension HubError: CustomStringConvertible {
    /// One line: hubs and their headers are strangers.
    public var description: String { sentence.printable }

    private var sentence: String {
        switch self {
        case .badReference(let text, let reason): "\(text) does not name a model of a hub: \(reason)."
        case .badEndpoint(let text, let reason): "HF_ENDPOINT is \(text), which cannot be used: \(reason)."
        case .badToken(let reason): "The hub's token cannot be used: \(reason)."
        case .offline(let model, let cache):
            "\(model) is not in the cache at \(cache), and HF_HUB_OFFLINE forbids to fetch it."
        case .refused(let url, let status, let hasToken, let reason):
            "The hub refuses \(url) with status \(status)\(Self.quoted(reason)): "
                + (hasToken
                    ? "does the token in use have access, and have the model's terms been accepted on its page?"
                    : "if the model is private or gated, set HF_TOKEN to a token that has access.")
        case .notFound(let url, let reason):
            "The hub has no \(url)\(Self.quoted(reason)): is the name spelled right, and does the revision exist?"
        case .status(let url, let code, let isForeign):
            "\(isForeign ? "The host that the hub sent us to" : "The hub") answers \(url) with status \(code)."
        case .busy(let url, let status, let seconds):
            "The hub answers \(url) with status \(status)"
                + (seconds.map { " and asks to come back in \($0) s" } ?? "") + "."
        case .rangeRefused(let url): "The hub does not continue \(url) where it was interrupted."
        case .unreachable(let url, let reason): "\(url) cannot be reached: \(reason)."
        case .broken(let url, let reason): "\(url) did not come whole: \(reason)."
        case .silent(let url, let seconds): "Nothing came of \(url) for \(seconds) s."
        case .tooManyRedirects(let url, let limit): "\(url) led to more than \(limit) redirects."
        case .badRedirect(let url, let location, let reason):
            "\(url) leads to \(location), which is not followed: \(reason)."
        case .badListing(let url, let reason): "The hub's list of files at \(url) cannot be used: \(reason)."
        case .noSuchFile(let file, let repository, let others):
            "\(repository) has no file \(file)" + (others.isEmpty ? "." : "; it has \(Self.listing(others)).")
        case .noWeights(let repository, let found):
            "\(repository) has neither model.safetensors nor a .gguf file"
                + (found.isEmpty ? "." : "; its weights are \(Self.listing(found)), which docent does not read.")
        case .severalGGUF(let repository, let files):
            "\(repository) has several .gguf files; name one, as in \(repository)/\(files.first ?? "FILE.gguf"): "
                + Self.listing(files) + "."
        case .noHash(let file): "The hub tells no SHA-256 or git hash of \(file), so it cannot be checked."
        case .movedRevision(let file, let expected, let found):
            "\(file) was asked for at commit \(expected), and the hub answers for \(found)."
        case .wrongSize(let file, let expected, let found):
            "\(file) should have \(expected) bytes by the hub's list, and is sent with \(found)."
        case .wrongHash(let file, let expected, let found):
            "\(file) was received with the hash \(found), but the hub's list says \(expected): it was thrown away."
        case .notEnoughSpace(let folder, let needed, let free):
            "\(needed) bytes are missing, and \(folder) has room for \(free): free some, or set HF_HUB_CACHE to a larger disk."
        case .diskFull(let path):
            "The disk is full: \(path) could not be written. What came so far is kept: free some space and try again."
        case .unwritable(let path, let reason): "\(path) cannot be written: \(reason)."
        case .noLocks(let path, let reason):
            "\(path) cannot be locked (\(reason)): set HF_HUB_CACHE to a folder on a local disk."
        }
    }

    private static func quoted(_ reason: String?) -> String { reason.map { " (\($0.prefix(300)))" } ?? "" }

    private static func listing(_ names: [String]) -> String {
        names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", … (\(names.count) in all)" : "")
    }
}
