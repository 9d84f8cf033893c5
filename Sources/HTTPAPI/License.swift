import Models

/// The licence file that lies beside a model's weights, as NIM's `/v1/license` shows it.
public struct License: Sendable, Hashable {
    /// "LICENSE", "LICENSE.txt".
    public let name: String
    public let text: String

    public init(name: String, text: String) {
        self.name = name
        self.text = text
    }

    static func json(_ license: License?) -> JSONNode {
        [
            "name": .optional(license?.name),
            "path": .optional(license.map { "/v1/license#\($0.name)" }),
            "sha": .optional(license.map { ContentHash(of: $0.text.utf8).description }),
            "size": .optional(license?.text.utf8.count),
            "url": nil,
            "type": .optional(license.map { _ in "text/plain" }),
            "content": .optional(license?.text),
        ]
    }
}
