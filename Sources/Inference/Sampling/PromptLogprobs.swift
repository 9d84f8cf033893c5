/// The probabilities of a prompt's own tokens, gathered chunk by chunk: of each row of logits only what is reported is kept.
struct PromptLogprobs: Sendable {
    private let prompt: [Int32]
    private let most: Int
    /// One for each token of the prompt; nil where nothing predicts it.
    private(set) var tokens: [[RankedToken]?]

    /// `most`: alternatives to report beside a token.
    init(of prompt: [Int32], most: Int) {
        self.prompt = prompt
        self.most = most
        tokens = Array(repeating: nil, count: prompt.count)
    }

    /// Takes the logits of `position`, which predict the token after it; false when they are no numbers. A position that was
    /// computed before comes again after a preemption, with the same logits.
    mutating func note(_ logits: ArraySlice<Float>, at position: Int) -> Bool {
        guard let greatest = Argmax.of(logits)?.value else { return false }
        if tokens[position + 1] != nil { return true }
        let logprobs = Logprobs(logits, greatest: greatest)
        let token = prompt[position + 1]
        let own = logits[logits.startIndex + Int(token)]
        var reported = [RankedToken(id: token, logprob: logprobs[token], rank: logits.count { $0 >= own })]
        for (index, other) in logprobs.top(most).enumerated() where other.id != token {
            reported.append(RankedToken(id: other.id, logprob: other.logprob, rank: index + 1))
        }
        tokens[position + 1] = reported
        return true
    }
}
