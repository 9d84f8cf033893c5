import FoundationEssentials

/// Where a hub is and who asks, from the variables that Hugging Face's own tools read.
public struct HubSettings: Sendable {
    let endpoint: HubURL
    let token: String?
    public let cache: HubCache
    /// HF_HUB_OFFLINE: nothing is asked over the network.
    public let isOffline: Bool

    private static let publicHub = "https://huggingface.co"
    /// Tokens have about 40 characters.
    private static let longestToken = 4096

    public init(environment: [String: String]) throws(HubError) {
        let environment = environment.filter { !$0.value.isEmpty }
        let address = environment["HF_ENDPOINT"] ?? Self.publicHub
        guard let endpoint = HubURL(address) else {
            throw .badEndpoint(address, reason: "it should look like \(Self.publicHub), without user name and password")
        }
        guard !address.contains("?"), !address.contains("#") else {
            throw .badEndpoint(address, reason: "it has a query or a fragment")
        }
        self.endpoint = endpoint
        token = try Self.token(environment)
        cache = HubCache(environment: environment)
        isOffline = ["1", "on", "yes", "true"].contains(environment["HF_HUB_OFFLINE"]?.lowercased())
    }

    /// HF_TOKEN, or what `hf auth login` left in the home of Hugging Face's tools.
    private static func token(_ environment: [String: String]) throws(HubError) -> String? {
        let file = environment["HF_TOKEN_PATH"] ?? HubCache.home(environment) + "/token"
        guard
            let text = environment["HF_TOKEN"] ?? environment["HUGGING_FACE_HUB_TOKEN"]
                ?? SmallFile.text(at: file, limit: longestToken)
        else { return nil }
        let token = text.split(whereSeparator: \.isWhitespace)
        if token.isEmpty { return nil }
        guard token.count == 1, token[0].utf8.count <= longestToken, token[0].utf8.allSatisfy({ 0x21...0x7E ~= $0 })
        else { throw .badToken(reason: "it holds spaces or other characters that no token has") }
        return String(token[0])
    }
}
