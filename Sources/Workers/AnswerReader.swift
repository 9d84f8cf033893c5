import Inference
import Models

/// One choice of an answer in the making: from the generator's words to what a waiter sees and what is stored.
struct AnswerReader {
    private let key: String
    private let reporting: TokenReporting
    private let hasLogprobs: Bool
    private let promptTokens: Int
    private let tokenizer: Tokenizer
    private let allowsSeveralCalls: Bool
    private var parser: ToolCallParser?
    private var choice: ChatAnswer.Choice
    private var toolCalls: [ToolCall] = []
    private var logprobs: [TokenLogprob] = []
    private var tokenIDs: [Int32] = []
    private var completionTokens = 0

    /// `key` is the request's, from which its calls have their ids: the same for who waits and who asks later.
    init(choice index: Int, of work: ChatWork, key: String, promptTokens: Int, model: LoadedModel) {
        self.key = key
        self.promptTokens = promptTokens
        reporting = work.reporting ?? TokenReporting()
        hasLogprobs = work.sampling.topLogprobs != nil
        tokenizer = model.tokenizer
        allowsSeveralCalls = work.tools?.allowsSeveral ?? true
        if let tools = work.tools, let format = model.processor.template.toolFormat {
            parser = ToolCallParser(format, functions: Set(tools.functions))
        }
        choice = ChatAnswer.Choice(index: index, text: work.echo ?? "", finishReason: .length)
    }

    /// What stands before everything that is generated.
    var beginning: AnswerDelta? { choice.text.isEmpty ? nil : delta(choice.text) }

    mutating func read(_ generated: GeneratedText) -> AnswerDelta {
        completionTokens += generated.tokens.count
        var delta = read(parser?.push(generated.text) ?? [.text(generated.text)])
        delta.logprobs = generated.tokens.compactMap(logprob)
        logprobs += delta.logprobs
        if reporting.hasIDs { delta.tokenIDs = generated.tokens.map(\.id) }
        tokenIDs += delta.tokenIDs
        return delta
    }

    /// What was held back, if anything, and the whole choice.
    mutating func end(_ summary: GenerationSummary) -> (rest: AnswerDelta?, choice: ChatAnswer.Choice) {
        let rest = read(parser?.finish() ?? [])
        choice.finishReason = summary.finishReason
        switch summary.stopReason {
        case .text(let text): choice.stopText = text
        case .token(let token): choice.stopToken = token
        case nil: break
        }
        if hasLogprobs { choice.logprobs = logprobs }
        if reporting.hasIDs { choice.tokenIDs = tokenIDs }
        if !toolCalls.isEmpty { choice.toolCalls = toolCalls }
        return (rest.text.isEmpty && rest.toolCalls.isEmpty ? nil : rest, choice)
    }

    var usage: ChatAnswer.Usage { .init(promptTokens: promptTokens, completionTokens: completionTokens) }

    private mutating func read(_ events: [ToolCallParser.Event]) -> AnswerDelta {
        var delta = delta("")
        for event in events {
            switch event {
            case .text(let text): delta.text += text
            case .call(let name, let arguments):
                guard allowsSeveralCalls || toolCalls.isEmpty else { continue }
                let call = ToolCall(id: callID(toolCalls.count), name: name, arguments: arguments)
                toolCalls.append(call)
                delta.toolCalls.append(call)
            }
        }
        choice.text += delta.text
        return delta
    }

    private func callID(_ number: Int) -> String {
        "call_\(ContentHash(of: "\(key)/\(choice.index)/\(number)".utf8).description.prefix(24))"
    }

    private func delta(_ text: String) -> AnswerDelta {
        AnswerDelta(
            choice: choice.index, text: text, toolCalls: [], formerToolCalls: toolCalls.count, logprobs: [],
            tokenIDs: [], usage: usage)
    }

    // MARK: Probabilities

    private func logprob(_ token: GeneratedToken) -> TokenLogprob? {
        guard let logprob = token.logprob else { return nil }
        return tokenLogprob(token.id, logprob, top: token.alternatives.map { tokenLogprob($0.id, $0.logprob) })
    }

    private func tokenLogprob(_ token: Int32, _ logprob: Float, top: [TokenLogprob] = []) -> TokenLogprob {
        TokenLogprob(
            token: reporting.namesByID ? "token_id:\(token)" : tokenizer.text(of: token),
            bytes: tokenizer.bytes(of: token), logprob: max(logprob, TokenLogprob.lowest), top: top)
    }
}
