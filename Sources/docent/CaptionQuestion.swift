import Captioning
import FoundationEssentials
import Inference

/// The chat completion that asks a server for the caption of an image.
struct CaptionQuestion: Sendable {
    let image: FoundImage
    private let settings: CaptionSettings
    private let model: String

    init(of image: FoundImage, _ settings: CaptionSettings, model: String) {
        self.image = image
        self.settings = settings
        self.model = model
    }

    func body(with bytes: Data) throws -> [UInt8] {
        Array(try JSONEncoder().encode(Body(bytes, of: image, settings, model: model)))
    }
}

private struct Body: Encodable {
    let model: String
    let messages: [Message]
    let temperature, top_p, min_p, repetition_penalty: Float
    let top_k: Int
    let seed: UInt64?
    let stop: [String]
    let max_tokens: Int?
    let mm_processor_kwargs: ImageArguments?

    init(_ bytes: Data, of image: FoundImage, _ settings: CaptionSettings, model: String) {
        let (recipe, sampling) = (settings.recipe, settings.recipe.sampling)
        self.model = model
        let url = "data:application/octet-stream;base64," + bytes.base64EncodedString()
        let question = Message(
            role: "user",
            content: [
                Part(type: "image_url", text: nil, image_url: .init(url: url)),
                Part(type: "text", text: recipe.prompt.text(for: image.path), image_url: nil),
            ])
        let system = recipe.system.map {
            Message(role: "system", content: [Part(type: "text", text: $0, image_url: nil)])
        }
        messages = (system.map { [$0] } ?? []) + [question]
        temperature = sampling.temperature
        top_p = sampling.topP
        min_p = sampling.minP
        top_k = sampling.topK
        repetition_penalty = sampling.repetitionPenalty
        seed = sampling.seed
        stop = sampling.stop
        max_tokens = sampling.maxTokens
        mm_processor_kwargs = recipe.maxTiles.map(ImageArguments.init)
    }

    struct Message: Encodable {
        let role: String
        let content: [Part]
    }

    struct Part: Encodable {
        let type: String
        let text: String?
        let image_url: ImageURL?
    }

    struct ImageURL: Encodable {
        let url: String
    }

    struct ImageArguments: Encodable {
        let max_tiles: Int
    }
}
