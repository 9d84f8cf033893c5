import FoundationEssentials

/// One image's caption and where it comes from: a row of JSONL or CSV, or the content of a .json sidecar.
struct CaptionRow: Codable, Hashable, Sendable {
    var path: String
    var caption: String
    var model: String
    var finishReason: String
    /// Of the image file.
    var sha256: String
    /// What `path` is relative to; rows of earlier versions do not tell.
    var root: String?
    var bytes: Int
    var width: Int?
    var height: Int?
    var recipe: String
    var promptSHA256: String
    var weightsSHA256: String?
    var quantization: String?
    var parameters: CaptionParameters
    var promptTokens: Int
    var completionTokens: Int
    /// When it was committed, ISO 8601 in UTC: "2026-11-24T04:08:02Z".
    var captionedAt: String

    init(_ answer: CaptionAnswer, of image: FoundImage, settings: CaptionSettings) {
        path = image.path
        caption = settings.recipe.postprocessing.reduce(answer.text) { $1.apply(to: $0) }
        model = answer.model
        finishReason = answer.finishReason
        sha256 = answer.sha256
        root = image.root
        bytes = answer.byteCount
        width = answer.width
        height = answer.height
        recipe = settings.recipe.name
        promptSHA256 = settings.promptHash(for: image)
        weightsSHA256 = answer.weightsHash
        quantization = answer.quantization
        parameters = CaptionParameters(settings.recipe)
        promptTokens = answer.promptTokens
        completionTokens = answer.completionTokens
        captionedAt = Date(timeIntervalSince1970: Double(answer.committedAt / 1000)).formatted(.iso8601)
    }

    enum CodingKeys: String, CodingKey {
        case path, caption, model, sha256, root, bytes, width, height, recipe, parameters, quantization
        case finishReason = "finish_reason"
        case promptSHA256 = "prompt_sha256"
        case weightsSHA256 = "weights_sha256"
        case promptTokens = "prompt_tokens"
        case completionTokens = "completion_tokens"
        case captionedAt = "captioned_at"
    }
}
