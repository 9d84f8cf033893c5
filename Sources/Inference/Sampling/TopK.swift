/// Keeps the `count` likeliest tokens, and those that tie with the last of them.
struct TopK: Sendable {
    let count: Int

    func apply(to logits: inout [Float], greatest: Float) {
        guard count < logits.count else { return }
        let likeliest = LikeliestTokens(logits: logits, greatest: greatest).head { $0.count >= count }
        // A logit that is no number is no candidate: there may be fewer than `count`, and then none is cut off.
        guard count <= likeliest.count else { return }
        let threshold = logits[likeliest[count - 1]]
        for index in logits.indices where logits[index] < threshold { logits[index] = -.infinity }
    }
}
