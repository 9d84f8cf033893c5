import Inference
import Jobs
import Models

extension RequestFailure {
    static let shuttingDown = RequestFailure(
        code: "shutting_down", message: "the server is shutting down; send the request again", isRetryable: false)

    /// What a thrown error means for its request: whose fault it is and whether another try may help.
    init(cause: any Error) {
        switch cause {
        case let failure as RequestFailure: self = failure
        case let error as ImageError: self.init(code: error.code, message: "\(error)", isRetryable: false)
        case let error as ModelError: self.init(error)
        case let error as EngineError: self.init(error)
        case let error as ConstraintError: self.init(error)
        case is TemplateError: self.init(code: "invalid_prompt", message: "\(cause)", isRetryable: false)
        default: self.init(code: "engine_error", message: "\(cause)", isRetryable: true)
        }
    }

    private init(_ error: ModelError) {
        switch error {
        case .promptTooLong: self.init(code: "context_length_exceeded", message: "\(error)", isRetryable: false)
        case .imageTooNarrow: self.init(code: "image_too_large", message: "\(error)", isRetryable: false)
        case .imageCountMismatch, .takesNoImages:
            self.init(code: "invalid_prompt", message: "\(error)", isRetryable: false)
        default: self.init(code: "engine_error", message: "\(error)", isRetryable: true)
        }
    }

    private init(_ error: ConstraintError) {
        self.init(code: "invalid_constraint", message: "\(error)", isRetryable: false)
    }

    private init(_ error: EngineError) {
        switch error {
        case .constraintFailed(let error): self.init(error)
        case .promptTooLong: self.init(code: "context_length_exceeded", message: "\(error)", isRetryable: false)
        case .invalidPrompt, .invalidParameter, .noTokenAllowed:
            self.init(code: "invalid_prompt", message: "\(error)", isRetryable: false)
        case .overloaded: self.init(code: "overloaded", message: "\(error)", isRetryable: true)
        case .shutDown: self.init(code: "shutting_down", message: "\(error)", isRetryable: true)
        case .wrongFeatures, .invalidLogits, .requestFailed, .deviceLost, .invalidConfiguration:
            self.init(code: "engine_error", message: "\(error)", isRetryable: true)
        }
    }
}
