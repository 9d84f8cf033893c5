import Models

/// Reads a request's messages; gathers their images in order.
struct MessageReader {
    let rules: ChatRules
    private(set) var images: [ChatRequest.RequestedImage] = []
    /// Places in `images` of those with the detail "low".
    private(set) var coarseImages: [Int] = []

    init(rules: ChatRules) { self.rules = rules }

    mutating func messages(of fields: JSONFields) throws -> [ChatMessage] {
        guard let nodes = try fields.list("messages") else {
            throw APIError.malformed("body.messages is missing", param: "body.messages")
        }
        guard (1...ChatRules.maxMessages).contains(nodes.count) else {
            throw APIError.badRequest(
                "messages must have 1 to \(ChatRules.maxMessages) messages, not \(nodes.count)", param: "messages")
        }
        var messages: [ChatMessage] = []
        for (index, node) in nodes.enumerated() {
            messages.append(try message(JSONFields(node, path: "body.messages.\(index)")))
        }
        return messages
    }

    private mutating func message(_ fields: JSONFields) throws -> ChatMessage {
        guard let role = try fields.string("role") else {
            throw APIError.malformed("\(fields.path).role is missing", param: "\(fields.path).role")
        }
        guard role != "function", fields["function_call"] == nil else {
            throw APIError.badRequest(
                "functions are called by tool_calls and answer in the role tool", param: "messages")
        }
        guard let known = Self.roles[role] else {
            throw APIError.malformed(
                "\(fields.path).role must be one of \(Self.roles.keys.sorted().joined(separator: ", "))",
                param: "\(fields.path).role")
        }
        let calls = try ToolCall.list(in: fields, role: known)
        if calls != nil || known == "tool" { try rules.requireTools(param: "messages") }
        return ChatMessage(
            role: known, content: calls == nil ? try content(fields) : try contentBesideCalls(fields), toolCalls: calls,
            toolCallID: known == "tool" ? try fields.string("tool_call_id") : nil, name: try fields.string("name"),
            reasoning: try fields.string("reasoning_content") ?? fields.string("reasoning"))
    }

    /// Chat templates know no developer; it is what OpenAI calls the system role now.
    private static let roles = [
        "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool",
    ]

    /// Who calls need not say anything.
    private mutating func contentBesideCalls(_ fields: JSONFields) throws -> [ContentPart] {
        switch fields["content"] {
        case nil, .string(""), .array([]): []
        default: try content(fields)
        }
    }

    private mutating func content(_ fields: JSONFields) throws -> [ContentPart] {
        switch fields["content"] {
        case nil:
            guard fields.has("content") else {
                throw APIError.malformed("\(fields.path).content is missing", param: "\(fields.path).content")
            }
            throw nothing(in: fields)
        case .string(let text): return [.text(text)]
        case .array(let nodes):
            var parts: [ContentPart] = []
            for (index, node) in nodes.enumerated() where node != .null {
                parts.append(try part(JSONFields(node, path: "\(fields.path).content.\(index)")))
            }
            guard !parts.isEmpty else { throw nothing(in: fields) }
            return parts
        case let node?: throw fields.wrongType("content", "a string or an array of parts", node)
        }
    }

    /// A chat template would fail on it, long after the request was accepted.
    private func nothing(in fields: JSONFields) -> APIError {
        .malformed("\(fields.path).content has no text and no image", param: "\(fields.path).content")
    }

    private mutating func part(_ fields: JSONFields) throws -> ContentPart {
        let type = try fields.string("type") ?? (fields["image_url"] == nil ? "text" : "image_url")
        switch type {
        case "text", "input_text", "output_text":
            guard let text = try fields.string("text") else {
                throw APIError.malformed("\(fields.path).text is missing", param: "\(fields.path).text")
            }
            return .text(text)
        case "image_url", "input_image":
            let image = try address(fields)
            if image.isCoarse { coarseImages.append(images.count) }
            try addImage(image.address, at: fields.path)
            return .image
        default:
            throw APIError.badRequest(
                "\(fields.path).type must be text or image_url, not \(type.prefix(40))", param: "type")
        }
    }

    /// The `image_url` of a part: a string, or an object whose `url` it is. Of low detail an image is seen as one tile.
    private func address(_ fields: JSONFields) throws(APIError) -> (address: String, isCoarse: Bool) {
        let address: String?
        var detail = try fields.string("detail")
        if case .string(let text) = fields["image_url"] {
            address = text
        } else {
            let object = try fields.fields("image_url")
            address = try object?.string("url")
            detail = try object?.string("detail") ?? detail
        }
        guard let address else {
            throw .malformed("\(fields.path).image_url.url is missing", param: "\(fields.path).image_url")
        }
        guard detail == nil || ["auto", "low", "high"].contains(detail) else {
            throw .badRequest("\(fields.path).image_url.detail must be auto, low or high", param: "detail")
        }
        return (address, detail == "low")
    }

    private mutating func addImage(_ address: String, at path: String) throws {
        guard let limit = rules.maxImages else {
            throw APIError.badRequest("\(ModelError.takesNoImages(model: rules.modelName)).", param: "image")
        }
        guard images.count < limit else {
            throw APIError.badRequest("A request may have at most \(limit) image(s)", param: "image")
        }
        guard address.prefix(5).lowercased() == "data:" else {
            let url = try ImageURL(address)
            try rules.fetchPolicy.check(url)
            images.append(.remote(url))
            return
        }
        let bytes = try DataURL.bytes(of: address)
        _ = try ImageDecoder.header(bytes, limits: rules.imageLimits, name: "the image at \(path)")
        images.append(.inline(bytes))
    }
}
