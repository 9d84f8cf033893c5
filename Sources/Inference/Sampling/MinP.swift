#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Keeps the tokens whose probability is at least `share` of the likeliest one's (Nguyen et al. 2024, arXiv:2407.01082).
struct MinP: Sendable {
    let share: Float

    func apply(to logits: inout [Float], greatest: Float) {
        let threshold = greatest + log(share)
        for index in logits.indices where logits[index] < threshold { logits[index] = -.infinity }
    }
}
