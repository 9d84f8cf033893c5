/// Makes tokens that were there before less likely: repetition first, then frequency and presence, as vLLM orders them.
struct Penalties: Sendable {
    let repetition: Float
    let frequency: Float
    let presence: Float
    /// Tokens of the prompt, each once; without the places of images, which no answer contains.
    private let promptTokens: Set<Int32>
    private var answerCounts: [Int32: Int] = [:]

    /// Nil when `parameters` penalise nothing.
    init?(_ parameters: SamplingParameters, promptTokens: @autoclosure () -> Set<Int32>) {
        guard
            parameters.repetitionPenalty != 1 || parameters.frequencyPenalty != 0 || parameters.presencePenalty != 0
        else { return nil }
        repetition = parameters.repetitionPenalty
        frequency = parameters.frequencyPenalty
        presence = parameters.presencePenalty
        self.promptTokens = repetition == 1 ? [] : promptTokens()
    }

    mutating func note(_ token: Int32) { answerCounts[token, default: 0] += 1 }

    func apply(to logits: inout [Float]) {
        for token in promptTokens where answerCounts[token] == nil { repeated(&logits[Int(token)]) }
        for (token, count) in answerCounts {
            repeated(&logits[Int(token)])
            logits[Int(token)] -= Float(count) * frequency
            logits[Int(token)] -= presence
        }
    }

    /// Keskar et al. 2019 (CTRL), with the sign rule that every server since has added.
    private func repeated(_ logit: inout Float) {
        logit = logit > 0 ? logit / repetition : logit * repetition
    }
}
