#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Logarithms of the model's own probabilities, before any rule of sampling touched them (vLLM's `raw_logprobs`).
struct Logprobs: Sendable {
    private let logits: ArraySlice<Float>
    /// ln Σ exp(logit).
    private let normaliser: Float

    init(_ logits: ArraySlice<Float>, greatest: Float) {
        self.logits = logits
        let sum = SoftmaxWeights.sum(of: SoftmaxWeights.of(logits, greatest: greatest))
        normaliser = greatest + Float(log(sum))
    }

    subscript(token: Int32) -> Float { logits[logits.startIndex + Int(token)] - normaliser }

    /// The `count` likeliest tokens, likeliest first; of equals the lower id first.
    func top(_ count: Int) -> [TokenAlternative] {
        guard count > 0 else { return [] }
        var best: [(token: Int, logit: Float)] = []
        best.reserveCapacity(count + 1)
        for (token, logit) in logits.enumerated() {
            if best.count == count, let last = best.last, logit <= last.logit { continue }
            let place = best.firstIndex { $0.logit < logit } ?? best.count
            best.insert((token, logit), at: place)
            if best.count > count { best.removeLast() }
        }
        return best.map { TokenAlternative(id: Int32($0.token), logprob: $0.logit - normaliser) }
    }
}
