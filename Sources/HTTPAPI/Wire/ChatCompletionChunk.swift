import Inference
import Models
import Workers

/// The chunks of a streamed answer: only fields that are set, as vLLM sends them.
struct ChatCompletionChunk {
    let identity: AnswerIdentity
    /// Whether every chunk tells the usage of its choice so far.
    var hasUsage = false

    /// The first chunk of each choice.
    func role(choice: Int, promptTokens: Int, tokenIDs: [Int32]?) -> JSONNode {
        let chunk = chunk(
            choice, delta: ["role": "assistant", "content": ""], end: [("finish_reason", nil)],
            usage: .init(promptTokens: promptTokens, completionTokens: 0))
        return tokenIDs.map { chunk.adding("prompt_token_ids", .tokens($0)) } ?? chunk
    }

    func content(_ delta: AnswerDelta, hasLogprobs: Bool) -> JSONNode {
        var end: [(String, JSONNode)] = [("finish_reason", nil)]
        if !delta.tokenIDs.isEmpty { end.append(("token_ids", .tokens(delta.tokenIDs))) }
        return chunk(
            delta.choice, delta: ["content": .string(delta.text)], logprobs: hasLogprobs ? delta.logprobs.json : nil,
            end: end, usage: delta.usage)
    }

    /// The chunks of a call, the `index`-th of its choice: its name first, then its arguments.
    func toolCall(_ call: ToolCall, index: Int, of delta: AnswerDelta) -> [JSONNode] {
        let parts: [JSONNode] = [
            [
                "index": .int(index), "id": .string(call.id), "type": "function",
                "function": ["name": .string(call.name), "arguments": ""],
            ],
            ["index": .int(index), "function": ["arguments": .string(call.arguments)]],
        ]
        return parts.map {
            chunk(delta.choice, delta: ["tool_calls": [$0]], end: [("finish_reason", nil)], usage: delta.usage)
        }
    }

    /// The last chunk of each choice.
    func finish(_ choice: ChatAnswer.Choice, usage: ChatAnswer.Usage) -> JSONNode {
        chunk(
            choice.index, delta: ["content": ""],
            end: [("finish_reason", .string(choice.reportedFinishReason)), ("stop_reason", choice.stopReason)],
            usage: usage)
    }

    func usage(_ usage: ChatAnswer.Usage) -> JSONNode {
        .object(head + [.init(key: "choices", value: []), .init(key: "usage", value: usage.json)])
    }

    private func chunk(
        _ index: Int, delta: JSONNode, logprobs: JSONNode = nil, end: [(String, JSONNode)], usage: ChatAnswer.Usage
    ) -> JSONNode {
        var choice: [JSONNode.Member] = [
            .init(key: "index", value: .int(index)), .init(key: "delta", value: delta),
            .init(key: "logprobs", value: logprobs),
        ]
        choice += end.map { .init(key: $0.0, value: $0.1) }
        let chunk = JSONNode.object(head + [.init(key: "choices", value: [.object(choice)])])
        return hasUsage ? chunk.adding("usage", usage.json) : chunk
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
