/// Keeps the likeliest tokens until their probabilities together reach `mass`, always at least one (Holtzman et al.
/// 2020, arXiv:1904.09751).
struct TopP: Sendable {
    let mass: Float

    func apply(to logits: inout [Float], greatest: Float) {
        let weights = SoftmaxWeights.of(logits[...], greatest: greatest)
        let wanted = Double(mass) * SoftmaxWeights.sum(of: weights)
        let likeliest = LikeliestTokens(logits: logits, greatest: greatest).head { head in
            head.reduce(0) { $0 + Double(weights[$1]) } >= wanted
        }
        var above = 0.0
        let kept = likeliest.prefix { token in
            defer { above += Double(weights[token]) }
            return above < wanted
        }
        let keptLogits = kept.map { logits[$0] }
        for index in logits.indices { logits[index] = -.infinity }
        for (token, logit) in zip(kept, keptLogits) { logits[token] = logit }
    }
}
