import Inference
import Models

/// A chat completion request that kept every rule.
struct ChatRequest: Sendable {
    var messages: [ChatMessage]
    /// In the order in which `messages` mention them.
    var images: [RequestedImage]
    var sampling: SamplingParameters
    var choices: Int
    /// Most tiles an image may be cut into; nil leaves it to the model.
    var maxTiles: Int?
    var isStreamed: Bool
    /// A last chunk with the usage.
    var includesUsage: Bool

    /// What the request costs, in tokens: a guess before anything is tokenised or decoded. Only its proportion to other
    /// requests' matters.
    var estimatedWork: Double {
        let letters = messages.flatMap(\.content).reduce(0) { count, part in
            if case .text(let text) = part { count + text.utf8.count } else { count }
        }
        let answers = choices * min(sampling.maxTokens ?? Self.usualAnswer, Self.longestGuess)
        return Double(letters / 4 + images.count * Self.usualImage + answers + 1)
    }

    private static let usualAnswer = 256
    /// Few who allow thousands of tokens get them.
    private static let longestGuess = 1024
    /// Encoding and reading one, on the devices measured, costs what so many tokens of an answer do.
    private static let usualImage = 512

    enum RequestedImage: Sendable, Hashable {
        /// A data URL's bytes, whose header was looked at.
        case inline([UInt8])
        case remote(ImageURL)
    }

    init(_ body: JSONValue, rules: ChatRules) throws {
        let fields = try JSONFields(body, path: "body")
        try rules.checkModel(fields)
        try UnsupportedFields.check(fields)
        var reader = MessageReader(rules: rules)
        messages = try reader.messages(of: fields)
        images = reader.images
        sampling = try SamplingParameters(fields, rules)
        choices = try fields.integer("n", in: 1...rules.maxChoices) ?? 1
        guard choices == 1 || sampling.temperature > 0 else {
            throw APIError.badRequest("n must be 1 when temperature is 0: every choice would be the same", param: "n")
        }
        maxTiles = try Self.maxTiles(fields)
        (isStreamed, includesUsage) = try Self.streaming(fields)
    }

    /// `mm_processor_kwargs` is where vLLM takes the image processor's arguments; this one has a single argument.
    private static func maxTiles(_ fields: JSONFields) throws(APIError) -> Int? {
        guard let arguments = try fields.fields("mm_processor_kwargs") else { return nil }
        if let other = arguments.names.first(where: { $0 != "max_tiles" }) {
            throw .badRequest(
                "mm_processor_kwargs has \(other.prefix(40)), but only max_tiles is supported",
                param: "mm_processor_kwargs")
        }
        return try arguments.integer("max_tiles", in: 1...ChatRules.maxTiles)
    }

    private static func streaming(_ fields: JSONFields) throws(APIError) -> (isStreamed: Bool, includesUsage: Bool) {
        let isStreamed = try fields.bool("stream") ?? false
        guard let options = try fields.fields("stream_options") else { return (isStreamed, false) }
        guard isStreamed else {
            throw .badRequest("stream_options may be set only when stream is true", param: "stream_options")
        }
        guard try options.bool("continuous_usage_stats") != true else {
            throw .badRequest("continuous_usage_stats is not supported yet", param: "stream_options")
        }
        return (true, try options.bool("include_usage") ?? false)
    }
}
