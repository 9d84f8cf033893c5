import Hummingbird
import Models
import NIOCore
import Workers

/// vLLM's `POST /tokenize` and `POST /detokenize`: what a text or a conversation is for the model.
struct TokenRoutes: Sendable {
    let model: LoadedModel
    let rules: ChatRules
    let configuration: ServerConfiguration
    let bodies: BodyBudget
    private let readers = BlockingPool(threads: 1)

    init(model: LoadedModel, rules: ChatRules, configuration: ServerConfiguration, bodies: BodyBudget) {
        self.model = model
        self.rules = rules
        self.configuration = configuration
        self.bodies = bodies
    }

    func add(to router: some RouterMethods<APIContext>) {
        router.post("tokenize") { request, context in try await answer(request, context, tokens) }
        router.post("detokenize") { request, context in try await answer(request, context, text) }
    }

    /// Long texts take seconds: not on the threads that serve connections.
    private func answer(
        _ request: Request, _ context: APIContext, _ body: @escaping @Sendable (JSONFields) throws -> JSONNode
    ) async throws -> Response {
        let share = bodies.share()
        let buffer = try await request.jsonBody(upTo: configuration.maxBodyBytes, counting: share, context: context)
        defer { share.giveBack() }
        let rules = rules
        let json = try await readers.run {
            let fields = try JSONFields(JSONValue(body: buffer), path: "body")
            try rules.checkModel(fields)
            return try body(fields)
        }
        return Response(json: json)
    }

    // MARK: Tokenize

    private func tokens(_ fields: JSONFields) throws -> JSONNode {
        let tokens: [Int32]
        switch (try fields.string("prompt"), fields["messages"]) {
        case (let prompt?, nil): tokens = model.tokenizer.encode(PromptText(trusted: prompt))
        case (nil, _?): tokens = try conversation(fields)
        case (nil, nil): throw APIError.malformed("body.prompt or body.messages is missing", param: "body.prompt")
        case (_?, _?): throw APIError.badRequest("prompt and messages exclude each other", param: "prompt")
        }
        let wantsTexts = try fields.bool("return_token_strs") ?? false
        return [
            "count": .int(tokens.count),
            "max_model_len": .int(rules.contextLength),
            "tokens": .array(tokens.map { .int(Int($0)) }),
            "token_strs": wantsTexts ? .array(tokens.map { .string(model.tokenizer.text(of: $0)) }) : nil,
        ]
    }

    /// The prompt that a chat completion with these messages would have, images included.
    private func conversation(_ fields: JSONFields) throws -> [Int32] {
        if fields["chat_template"] != nil {
            throw APIError.badRequest("chat_template is not supported here", param: "chat_template")
        }
        var reader = MessageReader(rules: rules)
        let messages = try reader.messages(of: fields)
        let tools = try ToolFields(fields, rules).descriptions
        let options = try PromptOptions(fields, rules, tools: tools, messages: messages, answer: nil)
        let coarse = Set(reader.coarseImages)
        let images = try reader.images.enumerated().map { index, image in
            guard case .inline(let bytes) = image else {
                throw APIError.badRequest("only images inside the request are counted here", param: "image_url")
            }
            let decoded = try ImageDecoder.decode(bytes, limits: rules.imageLimits, name: "the inline image")
            return try model.processor.process(decoded, maxTiles: coarse.contains(index) ? 1 : nil)
        }
        return try model.processor.prompt(for: messages, images: images, options: options).tokens
    }

    // MARK: Detokenize

    private func text(_ fields: JSONFields) throws -> JSONNode {
        guard let nodes = try fields.list("tokens") else {
            throw APIError.malformed("body.tokens is missing", param: "body.tokens")
        }
        let tokens = try nodes.enumerated().map { index, node in
            guard case .integer(let token) = node else { throw fields.wrongType("tokens.\(index)", "an integer", node) }
            guard (0..<rules.vocabulary).contains(token) else {
                throw APIError.badRequest("tokens has \(token), which is not a token of this model", param: "tokens")
            }
            return Int32(token)
        }
        return ["prompt": .string(model.tokenizer.decode(tokens, skipSpecialTokens: false))]
    }
}
