import Hummingbird
import Jobs
import Models
import NIOCore

extension APIError {
    /// How a thrown error is told to a client; nil when the error is ours and its text must stay here.
    init?(cause: any Error) {
        switch cause {
        case let error as APIError: self = error
        case let failure as RequestFailure: self.init(failure)
        case let error as FetchError: self.init(error.failure)
        case let error as JobStoreError: self.init(error)
        case let error as ImageError: self = .unreadableImage(code: error.code, "\(error)")
        case let error as TemplateError: self = .badRequest("\(error)", param: "messages")
        case is NIOTooManyBytesError: self = .bodyTooLarge
        case let error as HTTPError: self.init(error)
        default: return nil
        }
    }

    /// Why a stored request failed, by the code that the dispatcher gave it.
    init(_ failure: RequestFailure) {
        switch failure.code {
        case "context_length_exceeded":
            self = .badRequest(failure.message, param: "input_tokens")
        case "invalid_prompt":
            self = .badRequest(failure.message, param: "messages")
        case "invalid_constraint":
            self = .badRequest(failure.message, param: "structured_outputs")
        case StoredRefusal.code:
            self = .badRequest(failure.message)
        case "overloaded":
            self = .unavailable("The server is busy; send the request again.", retryAfter: 2)
        case "shutting_down":
            self = .unavailable("The server is shutting down; send the request again.", retryAfter: 5)
        case "cancelled":
            self = .cancelled
        case "expired":
            self = .unavailable(failure.message, retryAfter: 1)
        case "worker_crashed":
            self.init(.internalServerError, type: "InternalServerError", failure.message)
        case "url_not_allowed", "invalid_url":
            self = .badRequest(failure.message, param: "image_url")
        case let code where code.hasPrefix("image_fetch_"):
            self.init(
                .unprocessableContent, type: "UnprocessableEntityError", failure.message, param: "image_url")
        case let code where code.hasPrefix("image_"):
            self = .unreadableImage(code: code, failure.message)
        default:
            self = .internal
        }
    }

    /// The decoder's own words, which failures of these codes quote, are for the log.
    private static func unreadableImage(code: String, _ message: String) -> APIError {
        let sentence =
            switch code {
            case "image_corrupt": "its data is damaged."
            case "image_truncated": "its data ends early; is it complete?"
            case "image_unreadable": "it cannot be opened."
            default: message
            }
        var error = APIError.badRequest("An image cannot be read: \(sentence)", param: "image_url")
        error.docentCode = code
        return error
    }

    private init?(_ error: JobStoreError) {
        switch error {
        case .unknownJob(let id): self = .notFound("There is no job \(id).", param: "id")
        case .diskFull:
            self.init(
                .init(code: 507, reasonPhrase: "Insufficient Storage"), type: "InsufficientStorageError",
                "The server has no space left to store the request.")
        case .blobTooLarge(let bytes, let limit):
            self = .badRequest("An image has \(bytes) bytes; the limit is \(limit).", param: "image_url")
        default: return nil
        }
    }

    private init(_ error: HTTPError) {
        switch error.status {
        case .notFound: self = .init(.notFound, type: "Not Found", "There is nothing at this path.")
        case .contentTooLarge: self = .bodyTooLarge
        default: self.init(error.status, type: error.status.reasonPhrase, error.body ?? error.status.reasonPhrase)
        }
    }

    static let bodyTooLarge = APIError(
        .contentTooLarge, type: "Content Too Large",
        "The body is larger than this server accepts: send smaller images, or give their addresses.")

    /// 499 is nginx's "client closed request"; the openai client does not retry it, as it would a 409.
    static let cancelled = APIError(
        .init(code: 499, reasonPhrase: "Request Cancelled"), type: "RequestCancelledError", "The request was cancelled."
    )
}
