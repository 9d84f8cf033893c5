import Captioning
import Crypto
import FoundationEssentials
import Models

/// A server's job of one request, with its answer once it is finished.
struct AnsweredJob: Decodable, Sendable {
    let id: String
    let status: String
    let finishedAt: Int?
    private let response: Completion?
    private let error: ServerProblem?

    private enum CodingKeys: String, CodingKey {
        case id, status, response, error
        case finishedAt = "finished_at"
    }

    private struct Completion: Decodable, Sendable {
        let model: String
        let choices: [Choice]
        let usage: Usage
        /// What docent adds to the chat completion.
        let docent: Facts?
    }

    private struct Choice: Decodable, Sendable {
        let message: Message
        let finish_reason: String
    }

    private struct Message: Decodable, Sendable {
        let content: String
    }

    private struct Usage: Decodable, Sendable {
        let prompt_tokens, completion_tokens: Int
    }

    private struct Facts: Decodable, Sendable {
        let weights_sha256: String?
        let quantization: String?
        let images: [SeenImage]?
    }

    private struct SeenImage: Decodable, Sendable {
        let sha256: String
        let width, height, bytes: Int
    }

    /// - Parameter bytes: what was sent, for a server that does not say what it saw.
    func outcome(bytes: Data) -> CaptionOutcome {
        guard let response, let choice = response.choices.first else {
            return .failed(code: error?.code ?? status, message: error?.message ?? "The job \(id) is \(status).")
        }
        let image = response.docent?.images?.first
        return .answered(
            CaptionAnswer(
                text: choice.message.content, model: response.model, weightsHash: response.docent?.weights_sha256,
                quantization: response.docent?.quantization, finishReason: choice.finish_reason,
                promptTokens: response.usage.prompt_tokens, completionTokens: response.usage.completion_tokens,
                sha256: image?.sha256 ?? ContentHash(SHA256.hash(data: bytes)).description,
                byteCount: image?.bytes ?? bytes.count, width: image?.width, height: image?.height,
                committedAt: Int64(finishedAt ?? 0) * 1000))
    }
}
