/// A set of tokens, one bit each.
struct TokenMask: Sendable, Equatable {
    private(set) var words: [UInt64]

    init(words: Int) { self.words = [UInt64](repeating: 0, count: words) }

    mutating func insert(_ token: Int32) { words[Int(token >> 6)] |= 1 << UInt64(token & 63) }

    func contains(_ token: Int32) -> Bool {
        token >= 0 && Int(token >> 6) < words.count && words[Int(token >> 6)] >> UInt64(token & 63) & 1 == 1
    }

    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    var byteCount: Int { words.count * 8 }

    /// Makes all other tokens impossible.
    func apply(to logits: inout [Float]) {
        logits.withUnsafeMutableBufferPointer { logits in
            for (index, word) in words.enumerated() where word != .max {
                let start = index * 64
                let end = min(start + 64, logits.count)
                guard start < end else { break }
                if word == 0 {
                    logits[start..<end].update(repeating: -.infinity)
                    continue
                }
                var word = word
                for token in start..<end {
                    if word & 1 == 0 { logits[token] = -.infinity }
                    word >>= 1
                }
            }
            // Rows of the model beyond the tokenizer's vocabulary stand for nothing.
            if words.count * 64 < logits.count {
                for token in words.count * 64..<logits.count { logits[token] = -.infinity }
            }
        }
    }
}
