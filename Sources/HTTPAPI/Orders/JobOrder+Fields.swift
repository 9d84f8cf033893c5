import Hummingbird
import Jobs
import Models

extension JobOrder {
    static let mostImages = 10_000
    static let longestPrompt = 64 << 10
    static let longestLabel = 200
    /// OpenAI's bounds.
    static let mostMetadata = 16
    static let longestMetadataKey = 64
    static let longestMetadataValue = 512

    private static let known: Set<String> = [
        "model", "recipe", "prompt", "path", "urls", "file_ids", "max_tokens", "temperature", "max_tiles", "priority",
        "label",
        "metadata",
    ]

    /// Reads a request's body. This interface is ours alone, so a key that is not known is an error, not somebody's habit.
    init(_ value: JSONValue, rules: ChatRules, roots: AllowedRoots) throws {
        let fields = try JSONFields(value, path: "body")
        guard rules.maxImages != nil else {
            throw APIError.badRequest("The model takes no images, and jobs are about images.", param: "model")
        }
        try rules.checkModel(fields)
        if let unknown = fields.names.first(where: { !Self.known.contains($0) }) {
            throw APIError.badRequest(
                "\(unknown.prefix(100)) is not known; known are \(Self.known.sorted().joined(separator: ", "))",
                param: String(unknown.prefix(100)))
        }
        self.init(
            question: try Self.question(fields), images: try Self.images(fields, rules.fetchPolicy, roots))
        maxTokens = try fields.integer("max_tokens", in: 1...65536)
        temperature = try fields.number("temperature", in: 0...2)
        maxTiles = try fields.integer("max_tiles", in: 1...ChatRules.maxTiles)
        priority = try Self.priority(fields) ?? .bulk
        label = try Self.text(fields, "label", upTo: Self.longestLabel)
        metadata = try Self.metadata(fields)
    }

    static func priority(_ fields: JSONFields) throws(APIError) -> JobPriority? {
        switch try fields.string("priority") {
        case nil: nil
        case "interactive": .interactive
        case "bulk": .bulk
        case _?: throw .badRequest("priority must be interactive or bulk", param: "priority")
        }
    }

    private static func question(_ fields: JSONFields) throws(APIError) -> Question {
        if let prompt = try text(fields, "prompt", upTo: longestPrompt) {
            guard fields["recipe"] == nil else {
                throw .badRequest("recipe and prompt exclude each other", param: "prompt")
            }
            return .prompt(prompt)
        }
        switch fields["recipe"] {
        case .string(let name)?: return .recipe(name: name)
        case .object(let members)?:
            let json = Array(JSONNode(JSONValue.object(members)).text.utf8)
            guard json.count <= longestPrompt else {
                throw .badRequest("recipe has more than \(longestPrompt) bytes", param: "recipe")
            }
            return .inline(json: json)
        case let other?: throw fields.wrongType("recipe", "a string or an object", other)
        case nil: throw .badRequest("recipe (a name or an object) or prompt is needed", param: "recipe")
        }
    }

    private static func images(
        _ fields: JSONFields, _ policy: FetchPolicy, _ roots: AllowedRoots
    ) throws -> Images {
        switch (try fields.string("path"), try fields.list("urls"), try fields.list("file_ids")) {
        case (let path?, nil, nil): return .directory(try directory(path, roots))
        case (nil, let urls?, nil): return .addresses(try addresses(urls, fields, policy))
        case (nil, nil, let ids?): return .files(try files(ids, fields))
        case (nil, nil, nil): throw APIError.badRequest("path, urls or file_ids is needed", param: "path")
        case (let path, _, let ids):
            throw APIError.badRequest(
                "\(path == nil ? "urls" : "path") and \(ids == nil ? "urls" : "file_ids") exclude each other",
                param: ids == nil ? "urls" : "file_ids")
        }
    }

    /// In order and without repetitions.
    private static func files(_ values: [JSONValue], _ fields: JSONFields) throws -> [FileID] {
        try checkCount(values, "file_ids")
        var seen: Set<String> = []
        return try values.enumerated().compactMap { index, value in
            guard case .string(let id) = value else { throw fields.wrongType("file_ids.\(index)", "a string", value) }
            return seen.insert(id).inserted ? FileID(rawValue: id) : nil
        }
    }

    private static func checkCount(_ values: [JSONValue], _ name: String) throws(APIError) {
        guard (1...mostImages).contains(values.count) else {
            throw .badRequest("\(name) must have from 1 to \(mostImages) items, not \(values.count)", param: name)
        }
    }

    /// What is outside and what is not there get the same answer: nobody learns which files this machine has.
    private static func directory(_ path: String, _ roots: AllowedRoots) throws(APIError) -> String {
        guard path.utf8.first == UInt8(ascii: "/") else {
            throw .badRequest("path must be absolute: it names a directory of the server", param: "path")
        }
        guard !roots.isEmpty else {
            throw APIError(
                .forbidden, type: "PermissionDeniedError",
                "This server reads no directories for its clients: start it with --allow-root.", param: "path")
        }
        guard let real = roots.resolve(path) else {
            throw APIError(
                .forbidden, type: "PermissionDeniedError",
                "path is not inside a directory that this server was given with --allow-root.", param: "path")
        }
        guard AllowedRoots.isDirectory(real) else { throw .badRequest("path is not a directory", param: "path") }
        return real
    }

    /// In order and without repetitions, each as it will be fetched.
    private static func addresses(
        _ values: [JSONValue], _ fields: JSONFields, _ policy: FetchPolicy
    ) throws -> [String] {
        try checkCount(values, "urls")
        var seen: Set<String> = []
        return try values.enumerated().compactMap { index, value in
            guard case .string(let text) = value else { throw fields.wrongType("urls.\(index)", "a string", value) }
            do {
                let url = try ImageURL(text)
                try policy.check(url)
                return seen.insert(url.text).inserted ? url.text : nil
            } catch let error as FetchError {
                var refusal = APIError.badRequest("\(error)", param: "urls.\(index)")
                refusal.docentCode = error.code
                throw refusal
            }
        }
    }

    private static func metadata(_ fields: JSONFields) throws(APIError) -> [String: String]? {
        guard let given = try fields.fields("metadata") else { return nil }
        guard given.names.count <= mostMetadata else {
            throw .badRequest("metadata has more than \(mostMetadata) keys", param: "metadata")
        }
        var metadata: [String: String] = [:]
        for name in given.names {
            guard name.count <= longestMetadataKey else {
                throw .badRequest("metadata has a key of more than \(longestMetadataKey) characters", param: "metadata")
            }
            metadata[name] = try text(given, name, upTo: longestMetadataValue)
        }
        return metadata
    }

    private static func text(_ fields: JSONFields, _ name: String, upTo limit: Int) throws(APIError) -> String? {
        guard let text = try fields.string(name) else { return nil }
        guard text.unicodeScalars.count <= limit else {
            throw .badRequest("\(name.prefix(100)) has more than \(limit) characters", param: String(name.prefix(100)))
        }
        return text
    }
}

extension JSONNode {
    /// What came, to be sent or kept: its keys are sorted, for their order is not known any more.
    init(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .boolean(let flag): self = .bool(flag)
        case .integer(let number): self = .int(number)
        case .number(let number): self = .number(number)
        case .string(let text): self = .string(text)
        case .array(let values): self = .array(values.map(JSONNode.init(_:)))
        case .object(let members):
            self = .object(
                members.sorted { $0.key < $1.key }.map { Member(key: $0.key, value: JSONNode($0.value)) })
        }
    }
}
