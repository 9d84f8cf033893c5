/// Forbids every token but those of a list.
struct AllowedTokens: Sendable {
    let tokens: [Int32]

    func apply(to logits: inout [Float]) {
        let kept = tokens.map { logits[Int($0)] }
        for index in logits.indices { logits[index] = -.infinity }
        for (token, logit) in zip(tokens, kept) { logits[Int(token)] = logit }
    }
}
