import Inference
import Models
import Workers

/// A chat completion request that kept every rule.
struct ChatRequest: Sendable {
    /// All that is stored of it but the images.
    private var asked: ChatWork
    /// In the order in which the messages mention them.
    var images: [RequestedImage]
    /// The field that constrains the output, for errors.
    private(set) var constraintField: String?
    var stream: StreamOptions

    /// What the request costs, in tokens: a guess before anything is tokenised or decoded. Only its proportion to other
    /// requests' matters.
    var estimatedWork: Double {
        let letters = asked.messages.flatMap(\.content).reduce(0) { count, part in
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
        asked = ChatWork(messages: try reader.messages(of: fields))
        images = reader.images
        asked.coarseImages = reader.coarseImages.isEmpty ? nil : reader.coarseImages
        stream = try StreamOptions(fields)
        let tools = try ToolFields(fields, rules)
        asked.tools = tools.use
        asked.sampling = try SamplingParameters(fields, rules)
        let constraint = try ConstraintFields.constraint(in: fields)
        if let constraint, tools.constraint != nil {
            throw APIError.badRequest(
                "tool_choice forces a call and \(constraint.field) constrains the output; only one of them may",
                param: "tool_choice")
        }
        asked.sampling.constraint = constraint?.source ?? tools.constraint
        constraintField = constraint?.field ?? (tools.constraint == nil ? nil : "tools")
        if tools.use != nil, rules.toolMarkersAreSpecial { asked.sampling.skipSpecialTokens = false }
        asked.choices = try fields.integer("n", in: 1...rules.maxChoices) ?? 1
        guard asked.choices == 1 || asked.sampling.temperature > 0 else {
            throw APIError.badRequest("n must be 1 when temperature is 0: every choice would be the same", param: "n")
        }
        guard asked.sampling.promptLogprobs == nil || !stream.isStreamed else {
            throw APIError.badRequest("prompt_logprobs cannot be streamed", param: "prompt_logprobs")
        }
        asked.maxTiles = try Self.maxTiles(fields)
        let prompt = try PromptOptions(
            fields, rules, tools: tools.descriptions, messages: asked.messages, answer: asked.sampling.maxTokens)
        asked.prompt = prompt == PromptOptions() ? nil : prompt
        asked.echo = try Self.echo(fields, asked.messages)
        let reporting = TokenReporting(
            hasIDs: try fields.bool("return_token_ids") ?? false,
            namesByID: try fields.bool("return_tokens_as_token_ids") ?? false)
        asked.reporting = reporting == TokenReporting() ? nil : reporting
        asked.requestID = try Self.requestID(fields)
    }

    var sampling: SamplingParameters { asked.sampling }
    var choices: Int { asked.choices }
    var requestID: String? { asked.requestID }

    /// What is stored, once the images are where `references` say.
    func work(images references: [ImageReference]) -> ChatWork {
        var work = asked
        work.images = references
        return work
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

    /// The text that an answer begins with which goes on with the assistant's own.
    private static func echo(_ fields: JSONFields, _ messages: [ChatMessage]) throws(APIError) -> String? {
        guard try fields.bool("echo") ?? false, let last = messages.last, last.role == "assistant" else { return nil }
        let text = last.content.compactMap { if case .text(let text) = $0 { text } else { nil } }.joined(
            separator: "\n")
        return text.isEmpty ? nil : text
    }

    private static func requestID(_ fields: JSONFields) throws(APIError) -> String? {
        guard let id = try fields.string("request_id") else { return nil }
        guard RequestIdentity.acceptable(id) != nil else {
            throw .badRequest(
                "request_id must be 1 to \(RequestIdentity.longestID) letters, digits, and any of -_.:",
                param: "request_id")
        }
        return id
    }
}
