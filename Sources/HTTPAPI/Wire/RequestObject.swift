import FoundationEssentials
import Jobs
import Models
import Workers

/// One request of a job: where it stands and, at its end, its answer as a chat completion or its error.
struct RequestObject {
    let request: StoredRequest
    let modelName: String

    static let idPrefix = "req_"

    var id: String { "\(Self.idPrefix)\(request.id.rawValue)" }

    var json: JSONNode {
        [
            "id": .string(id),
            "object": "job.request",
            "job_id": .string(request.jobID.rawValue),
            "key": .string(request.key),
            "status": .string(request.state.rawValue),
            "attempts": .int(request.attempts),
            "created_at": .int(request.createdAt.seconds),
            "started_at": .optional(request.startedAt?.seconds),
            "finished_at": .optional(request.finishedAt?.seconds),
            "response": response,
            "error": error,
        ]
    }

    /// The stored answer in the words of the chat interface, with the same id whenever it is asked for. A result that
    /// is not ours is null.
    var response: JSONNode {
        guard let result = request.result,
            let answer = try? JSONDecoder().decode(ChatAnswer.self, from: Data(result.utf8))
        else { return nil }
        let identity = AnswerIdentity(
            id: "chat-\(ContentHash(of: request.key.utf8).description.prefix(32))",
            created: (request.finishedAt ?? request.createdAt).seconds,
            model: modelName)
        return ChatCompletion(identity: identity, answer: answer).json
    }

    /// Why it failed; also, while it waits for another attempt, why the last one did.
    var error: JSONNode {
        guard let failure = request.failure, case .object(let members) = APIError(failure).json else { return nil }
        return members[0].value
    }
}
