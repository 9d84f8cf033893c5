import Inference
import Models
import Testing

@testable import struct Inference.Answer

struct AnswerTests {
    private struct Result: Equatable {
        var text = ""
        var tokens = 0
        var finishReason: FinishReason?
        var stopReason: StopReason?
    }

    /// Feeds `tokens` until the answer is over.
    private func answer(
        _ tokens: [Int32], limit: Int = 100, _ change: (inout SamplingParameters) -> Void = { _ in }
    ) -> Result {
        var parameters = SamplingParameters()
        change(&parameters)
        let decoder = ByteTokenizer.tokenizer.streamingDecoder(skipSpecialTokens: parameters.skipSpecialTokens)
        var answer = Answer(
            parameters, modelEndTokens: [ByteTokenizer.end], promptTokens: 1, limit: limit, decoder: decoder)
        var result = Result()
        for token in tokens {
            let piece = answer.append(GeneratedToken(id: token))
            result.text += piece.delta.text
            result.tokens += piece.delta.tokens.count
            guard let summary = piece.summary else { continue }
            #expect(summary.completionTokens == result.tokens)
            result.finishReason = summary.finishReason
            result.stopReason = summary.stopReason
            break
        }
        return result
    }

    private let hello = ByteTokenizer.tokens("hello")

    @Test func `the model's end token ends the answer without a reason of the request`() {
        let result = answer(hello + [ByteTokenizer.end, 65])
        #expect(result == Result(text: "hello", tokens: 6, finishReason: .stop))
    }

    @Test func `an ignored end token is a token like others`() {
        let result = answer(hello + [ByteTokenizer.end, 65], limit: 7) { $0.ignoreEndOfSequence = true }
        #expect(result == Result(text: "helloA", tokens: 7, finishReason: .length))
    }

    @Test func `a stop token of the request is named and not shown`() {
        let result = answer(hello + [33]) { $0.stopTokens = [33] }
        #expect(result == Result(text: "hello", tokens: 6, finishReason: .stop, stopReason: .token(33)))
    }

    @Test func `an included stop token is shown`() {
        let result = answer(hello + [33]) {
            $0.stopTokens = [33]
            $0.includeStop = true
        }
        #expect(result.text == "hello!")
    }

    @Test func `a stop text across tokens ends the answer`() {
        let result = answer(ByteTokenizer.tokens("a---b")) { $0.stop = ["--"] }
        #expect(result == Result(text: "a", tokens: 3, finishReason: .stop, stopReason: .text("--")))
    }

    @Test func `a stop text in the middle of a token ends the answer there`() {
        let result = answer([65, ByteTokenizer.word]) { $0.stop = ["N"] }
        #expect(result == Result(text: "AE", tokens: 2, finishReason: .stop, stopReason: .text("N")))
    }

    @Test func `a stop text completed by the last allowed token is a stop`() {
        let result = answer(ByteTokenizer.tokens("ab"), limit: 2) { $0.stop = ["b"] }
        #expect(result == Result(text: "a", tokens: 2, finishReason: .stop, stopReason: .text("b")))
    }

    @Test func `what was held back is given out when the answer ends for its length`() {
        let result = answer(ByteTokenizer.tokens("abcd"), limit: 3) { $0.stop = ["bcd"] }
        #expect(result == Result(text: "abc", tokens: 3, finishReason: .length))
    }

    @Test func `what was held back is given out when the model ends`() {
        let result = answer(ByteTokenizer.tokens("ab") + [ByteTokenizer.end]) { $0.stop = ["bcd"] }
        #expect(result == Result(text: "ab", tokens: 3, finishReason: .stop))
    }

    @Test func `stop texts and end tokens do not count before the least length`() {
        let result = answer(ByteTokenizer.tokens("a.b.c.")) {
            $0.stop = ["."]
            $0.minTokens = 2
        }
        #expect(result == Result(text: "a.b", tokens: 4, finishReason: .stop, stopReason: .text(".")))
        let early = answer([33, 33, 33]) {
            $0.stopTokens = [33]
            $0.minTokens = 2
        }
        #expect(early.tokens == 2)
    }

    @Test func `half a character is held until it is whole, and replaced when it never is`() {
        let bytes = "é".utf8.map { Int32($0) }
        #expect(answer(bytes + [ByteTokenizer.end]).text == "é")
        #expect(answer([bytes[0]]).text == "")
        #expect(answer([65, bytes[0]], limit: 2).text == "A\u{FFFD}")
    }

    @Test func `special tokens are shown on request`() {
        let shown = answer([ByteTokenizer.stop, 65], limit: 2) { $0.skipSpecialTokens = false }
        #expect(shown.text == "<stop>A")
        #expect(answer([ByteTokenizer.stop, 65], limit: 2).text == "A")
    }
}
