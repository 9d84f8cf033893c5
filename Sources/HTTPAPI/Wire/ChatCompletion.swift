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

    /// The answer to the stored request of this key: the id is the same for who waits and for who asks later.
    init(requestKey: String, created: Int, model: String) {
        self.init(
            id: "chat-\(ContentHash(of: requestKey.utf8).description.prefix(32))", created: created, model: model)
    }
}

/// The whole answer, with the keys of NIM's documentation in their order and no others.
struct ChatCompletion {
    let identity: AnswerIdentity
    let answer: ChatAnswer

    var json: JSONNode {
        [
            "id": .string(identity.id),
            "object": "chat.completion",
            "created": .int(identity.created),
            "model": .string(identity.model),
            "choices": .array(answer.choices.map(Self.json)),
            "usage": answer.usage.json,
            "prompt_logprobs": nil,
        ]
    }

    private static func json(_ choice: ChatAnswer.Choice) -> JSONNode {
        [
            "index": .int(choice.index),
            "message": ["role": "assistant", "content": .string(choice.text)],
            "logprobs": choice.logprobs.map { $0.json } ?? nil,
            "finish_reason": .string(choice.finishReason.rawValue),
            "stop_reason": choice.stopText.map { .string($0) } ?? .optional(choice.stopToken.map(Int.init)),
        ]
    }
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
