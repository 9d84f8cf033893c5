import FoundationEssentials
import Jobs
import Workers

/// One request of a job: where it stands and, at its end, its answer as a chat completion or its error.
struct RequestObject {
    let request: StoredRequest
    let modelName: String
    /// What the job's recipe does to an answer.
    var postprocessing: (@Sendable (String) -> String)?

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
            "caption": .optional(caption),
            "error": error,
        ]
    }

    /// The stored answer in the words of the chat interface, with what is known of its making under `docent`. A result
    /// that is not ours is null.
    var response: JSONNode {
        guard let answer else { return nil }
        let identity = AnswerIdentity(
            requestKey: request.key, requestID: answer.requestID,
            created: (request.finishedAt ?? request.createdAt).seconds, model: modelName)
        return ChatCompletion(identity: identity, answer: answer).json.adding("docent", answer.facts)
    }

    /// The answer as files of captions have it, where the job has a recipe.
    private var caption: String? {
        answer?.choices.first.flatMap { choice in postprocessing.map { $0(choice.text) } }
    }

    private var answer: ChatAnswer? {
        request.result.flatMap { try? JSONDecoder().decode(ChatAnswer.self, from: Data($0.utf8)) }
    }

    /// Why it failed; also, while it waits for another attempt, why the last one did.
    var error: JSONNode {
        guard let failure = request.failure else { return nil }
        var error = APIError(withoutPath(failure))
        error.docentCode = failure.code
        return error.object
    }

    /// Paths of this machine never reach a client: a file is called as its request is.
    private func withoutPath(_ failure: RequestFailure) -> RequestFailure {
        guard let work = try? JSONDecoder().decode(ChatWork.self, from: Data(request.payload.utf8)) else {
            return failure
        }
        var failure = failure
        for case .file(let path) in work.images {
            failure.message = failure.message.replacing(path, with: request.key)
        }
        return failure
    }
}
