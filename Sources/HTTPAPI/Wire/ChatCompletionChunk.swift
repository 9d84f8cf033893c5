import Inference
import Workers

/// The chunks of a streamed answer: only fields that are set, as vLLM sends them.
struct ChatCompletionChunk {
    let identity: AnswerIdentity

    /// The first chunk of each choice.
    func role(choice: Int) -> JSONNode {
        chunk(choice, delta: ["role": "assistant", "content": ""], logprobs: nil, end: [("finish_reason", nil)])
    }

    func content(choice: Int, text: String, logprobs: [TokenLogprob]?) -> JSONNode {
        chunk(
            choice, delta: ["content": .string(text)], logprobs: logprobs.map { $0.json } ?? nil,
            end: [("finish_reason", nil)])
    }

    /// The last chunk of each choice.
    func finish(choice: Int, _ summary: GenerationSummary) -> JSONNode {
        let reason: JSONNode =
            switch summary.stopReason {
            case .text(let text): .string(text)
            case .token(let token): .int(Int(token))
            case nil: nil
            }
        return chunk(
            choice, delta: ["content": ""], logprobs: nil,
            end: [("finish_reason", .string(summary.finishReason.rawValue)), ("stop_reason", reason)])
    }

    func usage(_ usage: ChatAnswer.Usage) -> JSONNode {
        .object(head + [.init(key: "choices", value: []), .init(key: "usage", value: usage.json)])
    }

    private func chunk(_ index: Int, delta: JSONNode, logprobs: JSONNode, end: [(String, JSONNode)]) -> JSONNode {
        var choice: [JSONNode.Member] = [
            .init(key: "index", value: .int(index)), .init(key: "delta", value: delta),
            .init(key: "logprobs", value: logprobs),
        ]
        choice += end.map { .init(key: $0.0, value: $0.1) }
        return .object(head + [.init(key: "choices", value: [.object(choice)])])
    }

    private var head: [JSONNode.Member] {
        [
            .init(key: "id", value: .string(identity.id)),
            .init(key: "object", value: "chat.completion.chunk"),
            .init(key: "created", value: .int(identity.created)),
            .init(key: "model", value: .string(identity.model)),
        ]
    }
}
