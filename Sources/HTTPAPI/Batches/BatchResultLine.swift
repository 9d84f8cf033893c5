import FoundationEssentials
import HTTPTypes
import Jobs
import Models
import Workers

/// A finished request of a batch as a line of its output or its error file.
struct BatchResultLine {
    enum Kind { case succeeded, failed, unfinished }

    let kind: Kind
    let json: JSONNode
    let usage: BatchUsage

    init(_ request: StoredRequest, of batch: Batch) {
        if let result = request.result {
            guard let answer = try? JSONDecoder().decode(ChatAnswer.self, from: Data(result.utf8)) else {
                self.init(failed: request, .internal, of: batch)
                return
            }
            self.init(succeeded: request, answer, of: batch)
        } else if let failure = request.failure, request.state != .cancelled {
            let refusal = StoredRefusal(payload: request.payload)
            self.init(failed: request, refusal?.error ?? APIError(failure), of: batch)
        } else {
            self.init(unfinished: request.key, of: batch)
        }
    }

    private init(succeeded request: StoredRequest, _ answer: ChatAnswer, of batch: Batch) {
        let identity = AnswerIdentity(
            requestKey: "\(batch.id)/\(request.key)", created: (request.finishedAt ?? request.createdAt).seconds,
            model: batch.model ?? answer.model)
        kind = .succeeded
        usage = BatchUsage(
            inputTokens: answer.usage.promptTokens, cachedTokens: answer.usage.cachedTokens,
            outputTokens: answer.usage.completionTokens)
        json = Self.line(
            request.key, of: batch,
            response: Self.response(request, 200, ChatCompletion(identity: identity, answer: answer).json), error: nil)
    }

    private init(failed request: StoredRequest, _ error: APIError, of batch: Batch) {
        kind = .failed
        usage = BatchUsage()
        json = Self.line(
            request.key, of: batch, response: Self.response(request, error.status.code, error.json), error: nil)
    }

    /// One that never came to its end.
    init(unfinished customID: String, of batch: Batch) {
        kind = .unfinished
        usage = BatchUsage()
        let error: JSONNode =
            batch.status == .cancelling
            ? ["code": "batch_cancelled", "message": "The batch was cancelled before this request was answered."]
            : ["code": "batch_expired", "message": "The batch's window closed before this request was answered."]
        json = Self.line(customID, of: batch, response: nil, error: error)
    }

    /// The same id whenever the file is written.
    private static func line(_ customID: String, of batch: Batch, response: JSONNode, error: JSONNode) -> JSONNode {
        let hash = ContentHash(of: "\(batch.id)/\(customID)".utf8).description.prefix(32)
        return [
            "id": .string("batch_req_\(hash)"), "custom_id": .string(customID), "response": response, "error": error,
        ]
    }

    private static func response(_ request: StoredRequest, _ status: Int, _ body: JSONNode) -> JSONNode {
        [
            "status_code": .int(status), "request_id": .string("\(RequestObject.idPrefix)\(request.id.rawValue)"),
            "body": body,
        ]
    }
}
