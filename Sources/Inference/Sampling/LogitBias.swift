/// Adds what the request wants added to some tokens' logits.
struct LogitBias: Sendable {
    let bias: [Int32: Float]

    func apply(to logits: inout [Float]) {
        for (token, amount) in bias { logits[Int(token)] += amount }
    }
}
