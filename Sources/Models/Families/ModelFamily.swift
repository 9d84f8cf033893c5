import Compute

/// A kind of model that Docent can run: how its configuration is recognised and what is made of it.
struct ModelFamily: Sendable {
    /// "SmolVLM".
    let name: String
    /// What `architectures` may hold.
    let architectures: [String]
    /// What `model_type` may be.
    let modelTypes: [String]
    /// Reads the configuration; everything that needs tensors comes later.
    let blueprint: @Sendable (Settings) throws -> Blueprint

    static let all = [smolVLM, nemotronVL, internVL, qwen25VL, qwen3VL, llava, gemma3, gemma3Text, llama]

    /// The family that config.json asks for; `model_type` decides where there is no `architectures`.
    static func family(of settings: Settings) throws -> ModelFamily {
        let architectures = try settings.strings("architectures")
        let modelType = try settings.string("model_type", default: "")
        let found = all.first { family in
            architectures.contains(where: family.architectures.contains)
                || architectures.isEmpty && family.modelTypes.contains(modelType)
        }
        guard let found else {
            let claimed = (architectures + [modelType]).first { !$0.isEmpty } ?? "(none)"
            throw ModelError.unknownFamily(
                file: settings.file, found: String(claimed.prefix(100)), known: all.flatMap(\.architectures))
        }
        return found
    }

    /// A family's configuration, read and checked, and what can be built from it.
    struct Blueprint: Sendable {
        /// "idefics3", "smolvlm", …
        let modelType: String
        let shape: ModelShape
        /// Rows of features a frame becomes; nil for a model that takes no images, or takes them in any size.
        let tokensPerFrame: Int?
        /// Where images have any size: the side of the square of pixels that becomes one row of features.
        var tokenSide: Int?
        /// Whether the output head may be absent, because the embedding table is it.
        let mayTieHead: Bool
        let aliases: TensorAliases
        /// Asks for every tensor without building anything.
        let audit: @Sendable (Weights) throws -> Void
        let model: @Sendable (Weights, any Backend) throws -> any VisionLanguageModel
        /// Whether the image settings fit; the arguments are the image processor's settings and the processor's.
        let checkProcessor: @Sendable (Settings, Settings?) throws -> Void
        let processor: @Sendable (Settings, Tokenizer, ChatTemplate) throws -> any PromptProcessor
        /// Image settings of a model that brings none.
        let standInImageSettings: Settings
        let imageToken: Int32?
        /// What stands for a row of an image's features.
        var imageMarker = "<image>"
        /// What the template writes for an image where that is not the marker.
        var imagePlace: String?
        /// Whether a token stands for an image or a part of one, which nobody may write by hand.
        let isImageTag: @Sendable (String) -> Bool

        var takesImages: Bool { tokensPerFrame != nil || tokenSide != nil }
    }
}
