/// Forbids the tokens that would end the answer while it is shorter than the request wants it.
struct MinimumTokens: Sendable {
    let count: Int
    let endTokens: Set<Int32>

    func isActive(atLength length: Int) -> Bool { length < count && !endTokens.isEmpty }

    func apply(to logits: inout [Float]) {
        for token in endTokens { logits[Int(token)] = -.infinity }
    }
}
