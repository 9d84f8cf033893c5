import Models

/// One answer in the making: takes tokens, gives text, knows when to stop.
struct Answer {
    let parameters: SamplingParameters
    /// The model's own end tokens, unless the request goes past them.
    private let modelEndTokens: Set<Int32>
    private let promptTokens: Int
    /// The longest answer, in tokens.
    private let limit: Int
    private var decoder: StreamingDecoder
    private var detector: StopDetector
    private(set) var tokenCount = 0
    /// Prompt tokens that were found in the cache when the request was admitted first.
    var cachedTokens = 0

    /// A new piece of the answer, and how it ended if it did.
    struct Piece: Equatable {
        var delta: GeneratedText
        var summary: GenerationSummary?
    }

    init(
        _ parameters: SamplingParameters, modelEndTokens: Set<Int32>, promptTokens: Int, limit: Int,
        decoder: StreamingDecoder
    ) {
        self.parameters = parameters
        self.modelEndTokens = parameters.ignoreEndOfSequence ? [] : modelEndTokens
        self.promptTokens = promptTokens
        self.limit = limit
        self.decoder = decoder
        detector = StopDetector(stops: parameters.stop, includesStop: parameters.includeStop)
    }

    /// Every token that ends the answer.
    var endTokens: Set<Int32> { modelEndTokens.union(parameters.stopTokens) }

    /// The answer goes on with `token`; `isLast` if its constraint lets nothing follow.
    mutating func append(_ token: GeneratedToken, isLast: Bool = false) -> Piece {
        tokenCount += 1
        let endsByToken = tokenCount >= parameters.minTokens && endTokens.contains(token.id)
        // An end token is part of the tokens, not of the text.
        let isSilent = endsByToken && !parameters.includeStop
        var finding = read(isSilent ? "" : decoder.push(token.id))
        let isOver = endsByToken || finding.stop != nil || isLast || tokenCount >= limit
        if isOver && finding.stop == nil {
            let rest = read(decoder.finish())
            finding = .init(text: finding.text + rest.text, stop: rest.stop)
            finding.text += detector.finish()
        }
        let delta = GeneratedText(text: finding.text, tokens: [token])
        guard isOver else { return Piece(delta: delta) }
        let endToken = endsByToken ? token.id : nil
        return Piece(delta: delta, summary: summary(stop: finding.stop, endToken: endToken, isComplete: isLast))
    }

    private mutating func read(_ text: String) -> StopDetector.Finding {
        if tokenCount <= parameters.minTokens { return .init(text: detector.pass(text)) }
        return detector.push(text)
    }

    private func summary(stop: String?, endToken: Int32?, isComplete: Bool) -> GenerationSummary {
        var reason: StopReason?
        if let stop {
            reason = .text(stop)
        } else if let endToken, parameters.stopTokens.contains(endToken) {
            reason = .token(endToken)
        }
        return GenerationSummary(
            finishReason: stop == nil && endToken == nil && !isComplete ? .length : .stop, stopReason: reason,
            promptTokens: promptTokens, cachedTokens: cachedTokens, completionTokens: tokenCount)
    }
}
