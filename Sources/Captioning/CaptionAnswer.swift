import FoundationEssentials
import Inference
import Jobs
import Workers

/// What came of one image: the same whether the queue of this process or a server answered.
public enum CaptionOutcome: Sendable, Hashable {
    case answered(CaptionAnswer)
    case failed(code: String, message: String)
}

/// A model's answer and what it saw.
public struct CaptionAnswer: Sendable, Hashable {
    /// As the model gave it, before the recipe's postprocessing.
    public var text: String
    public var model: String
    /// Nil when a server answered that does not say.
    public var weightsHash: String?
    /// "q8" and the like; nil for weights as they are stored, or when the server does not say.
    public var quantization: String?
    /// "stop" or "length".
    public var finishReason: String
    public var promptTokens: Int
    public var completionTokens: Int
    /// Of the bytes that were decoded.
    public var sha256: String
    public var byteCount: Int
    public var width: Int?
    public var height: Int?
    /// When the answer was committed, in milliseconds since 1970.
    public var committedAt: Int64

    public init(
        text: String, model: String, weightsHash: String? = nil, quantization: String? = nil, finishReason: String,
        promptTokens: Int, completionTokens: Int, sha256: String, byteCount: Int, width: Int? = nil,
        height: Int? = nil, committedAt: Int64
    ) {
        self.text = text
        self.model = model
        self.weightsHash = weightsHash
        self.quantization = quantization
        self.finishReason = finishReason
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
        self.sha256 = sha256
        self.byteCount = byteCount
        self.width = width
        self.height = height
        self.committedAt = committedAt
    }
}

extension CaptionOutcome {
    /// What a committed row says; nil while it is waiting or running.
    init?(_ request: StoredRequest) throws(CaptionError) {
        switch request.state {
        case .waiting, .running:
            return nil
        case .failed, .expired:
            let failure = request.failure
            self = .failed(code: failure?.code ?? "unknown", message: failure?.message ?? "no reason is on record")
        case .cancelled:
            self = .failed(code: "cancelled", message: "The request was cancelled.")
        case .succeeded:
            self = .answered(try CaptionAnswer(request))
        }
    }
}

extension CaptionAnswer {
    init(_ request: StoredRequest) throws(CaptionError) {
        let answer: ChatAnswer
        do {
            answer = try JSONDecoder().decode(ChatAnswer.self, from: Data((request.result ?? "").utf8))
        } catch {
            throw .unreadableResult(key: request.key, reason: "its JSON is not an answer")
        }
        guard let choice = answer.choices.first, let image = answer.images.first else {
            throw .unreadableResult(key: request.key, reason: "it has no choice or no image")
        }
        self.init(
            text: choice.text, model: answer.model, weightsHash: answer.weightsHash,
            quantization: answer.quantization, finishReason: choice.finishReason.rawValue,
            promptTokens: answer.usage.promptTokens, completionTokens: answer.usage.completionTokens,
            sha256: image.sha256, byteCount: image.byteCount, width: image.width, height: image.height,
            committedAt: (request.finishedAt ?? request.createdAt).milliseconds)
    }
}
