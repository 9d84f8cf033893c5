import Models

@testable import Inference

/// A text put together from tokens that a constraint's masks allow, chosen at random and, after a while, so that it ends.
struct RandomWalk {
    let text: String
    let tokens: Int
    /// Whether the constraint says that the text is whole.
    let isWhole: Bool

    init(
        _ constraint: Constraint, _ tokenizer: Tokenizer, using random: inout some RandomNumberGenerator,
        patience: Int = 12, limit: Int = 600
    ) throws {
        var cursor = constraint.cursor()
        var tokens: [Int32] = []
        while tokens.count < limit, !cursor.isComplete {
            if cursor.isAccepting && Int.random(in: 0..<3, using: &random) == 0 { break }
            let mask = try cursor.mask()
            let allowed = (0..<Int32(tokenizer.vocabularySize)).filter(mask.contains)
            var choices = allowed
            if tokens.count > patience {
                // What closes, else what ends a string, else a single byte: the shortest way out.
                for wanted in [[0x7D, 0x5D], [0x22], [0x30]] as [[UInt8]] {
                    let closing = allowed.filter { token in tokenizer.bytes(of: token).contains { wanted.contains($0) }
                    }
                    let shortest = closing.map { tokenizer.bytes(of: $0).count }.min()
                    choices = closing.filter { tokenizer.bytes(of: $0).count == shortest }
                    if !choices.isEmpty { break }
                }
            }
            guard let token = (choices.isEmpty ? allowed : choices).randomElement(using: &random) else { break }
            try cursor.advance(token)
            tokens.append(token)
        }
        text = tokenizer.decode(tokens, skipSpecialTokens: false)
        self.tokens = tokens.count
        isWhole = cursor.isAccepting
    }
}
