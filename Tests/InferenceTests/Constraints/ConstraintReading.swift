import Foundation
import Models

@testable import Inference

/// Compiled constraints, and what they make of texts.
enum ConstraintReading {
    /// Every byte is a token, so any text can be tried.
    static let bytes = ConstraintCompiler(tokenizer: ByteTokenizer.tokenizer, endTokens: [ByteTokenizer.end])

    /// Whether `text` is one that the constraint allows.
    static func allows(_ source: OutputConstraint, _ text: String) throws -> Bool {
        var cursor = try bytes.compile(source).cursor()
        for token in ByteTokenizer.tokens(text) {
            guard try cursor.allows(token) else { return false }
            try cursor.advance(token)
        }
        return cursor.isAccepting
    }

    /// What is said of a constraint that is refused; nil if it is not.
    static func refusal(of source: OutputConstraint) -> ConstraintError? {
        do {
            _ = try bytes.compile(source)
            return nil
        } catch {
            return error
        }
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")

    /// docent-mini's, read once.
    static let miniTokenizer = Result {
        try Tokenizer.load(from: root.appending(path: "Sources/docent/docent-mini").path)
    }

    static func mini() throws -> ConstraintCompiler {
        let tokenizer = try miniTokenizer.get()
        return ConstraintCompiler(
            tokenizer: tokenizer, endTokens: Set(["<|im_end|>", "<|endoftext|>"].compactMap(tokenizer.id)))
    }
}
