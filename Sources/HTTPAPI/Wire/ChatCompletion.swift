import Inference
import Models
import Workers

/// What every part of one answer carries.
struct AnswerIdentity: Sendable {
    let id: String
    /// Seconds since 1970.
    let created: Int
    let model: String

    init(id: String, created: Int, model: String) {
        self.id = id
        self.created = created
        self.model = model
    }

    /// The answer to the stored request of this key: the id is the same for who waits and for who asks later. A client
    /// that names its request itself finds that name in it.
    init(requestKey: String, requestID: String? = nil, created: Int, model: String) {
        let name = requestID ?? String(ContentHash(of: requestKey.utf8).description.prefix(32))
        self.init(id: "chat-\(name)", created: created, model: model)
    }
}

/// The whole answer: the keys of NIM's documentation in their order, and others only where the request asked for them.
struct ChatCompletion {
    let identity: AnswerIdentity
    let answer: ChatAnswer

    var json: JSONNode {
        let completion: JSONNode = [
            "id": .string(identity.id),
            "object": "chat.completion",
            "created": .int(identity.created),
            "model": .string(identity.model),
            "choices": .array(answer.choices.map(Self.json)),
            "usage": answer.usage.json,
            "prompt_logprobs": answer.promptLogprobs.map { .array($0.map(Self.json)) } ?? nil,
        ]
        return answer.promptTokenIDs.map { completion.adding("prompt_token_ids", .tokens($0)) } ?? completion
    }

    /// As vLLM: by the token's id, the prompt's own token first.
    private static func json(_ tokens: [PromptLogprob]?) -> JSONNode {
        guard let tokens else { return nil }
        return .object(
            tokens.map {
                .init(
                    key: String($0.id),
                    value: [
                        "logprob": .number(Double("\($0.logprob)") ?? -9999), "rank": .int($0.rank),
                        "decoded_token": .string($0.token),
                    ])
            })
    }

    private static func json(_ choice: ChatAnswer.Choice) -> JSONNode {
        let node: JSONNode = [
            "index": .int(choice.index),
            "message": message(choice),
            "logprobs": choice.logprobs.map { $0.json } ?? nil,
            "finish_reason": .string(choice.reportedFinishReason),
            "stop_reason": choice.stopReason,
        ]
        return choice.tokenIDs.map { node.adding("token_ids", .tokens($0)) } ?? node
    }

    private static func message(_ choice: ChatAnswer.Choice) -> JSONNode {
        guard let calls = choice.toolCalls else { return ["role": "assistant", "content": .string(choice.text)] }
        return [
            "role": "assistant",
            "content": choice.text.isEmpty ? nil : .string(choice.text),
            "tool_calls": .array(calls.map(\.json)),
        ]
    }
}

extension ToolCall {
    fileprivate var json: JSONNode {
        [
            "id": .string(id),
            "type": "function",
            "function": ["name": .string(name), "arguments": .string(arguments)],
        ]
    }
}

extension JSONNode {
    static func tokens(_ tokens: [Int32]) -> JSONNode { .array(tokens.map { .int(Int($0)) }) }
}

extension ChatAnswer.Choice {
    /// An answer that ended by itself and has calls ended to have them made. One cut short stays so.
    var reportedFinishReason: String {
        toolCalls != nil && finishReason == .stop ? "tool_calls" : finishReason.rawValue
    }

    var stopReason: JSONNode { stopText.map { .string($0) } ?? .optional(stopToken.map(Int.init)) }
}

extension ChatAnswer.Usage {
    var json: JSONNode {
        [
            "prompt_tokens": .int(promptTokens),
            "total_tokens": .int(promptTokens + completionTokens),
            "completion_tokens": .int(completionTokens),
        ]
    }
}

extension [TokenLogprob] {
    var json: JSONNode {
        [
            "content": .array(
                map { token in
                    var members: [JSONNode.Member] = token.members
                    members.append(.init(key: "top_logprobs", value: .array(token.top.map { .object($0.members) })))
                    return .object(members)
                })
        ]
    }
}

extension TokenLogprob {
    fileprivate var members: [JSONNode.Member] {
        [
            .init(key: "token", value: .string(token)),
            .init(key: "logprob", value: .number(max(Double("\(logprob)") ?? -9999, -9999))),
            .init(key: "bytes", value: .array(bytes.map { .int(Int($0)) })),
        ]
    }
}
