import Compute

/// A configuration of a tower and a decoder.
protocol ImageTextConfiguration: Sendable {
    var text: DecoderConfiguration { get }
    /// Where the decoder's body lies in the checkpoint, under canonical names.
    static var decoderScope: String { get }
}

/// A vision tower and a decoder, in whose input the features of frames stand where image tokens are (Liu et al. 2023,
/// arXiv:2304.08485): families differ in the tower, in names, and in what comes before the model.
struct ImageTextModel<Tower: ImageTower>: VisionLanguageModel {
    let shape: ModelShape
    let vision: Tower
    let decoder: TextDecoder
    private let backend: any Backend

    init(_ weights: Weights, _ configuration: Tower.Configuration, backend: any Backend) throws {
        (decoder, vision) = try Self.parts(weights, configuration)
        shape = configuration.text.shape
        self.backend = backend
    }

    /// Checks every tensor without allocating any.
    static func audit(_ weights: Weights, _ configuration: Tower.Configuration) throws {
        _ = try parts(weights, configuration)
    }

    /// First the decoder, whose table and head are the largest: see there.
    private static func parts(
        _ weights: Weights, _ configuration: Tower.Configuration
    ) throws -> (TextDecoder, Tower) {
        let body = weights.scoped(Tower.Configuration.decoderScope)
        let decoder = try TextDecoder(body, root: weights, configuration.text)
        return (decoder, try Tower(weights.withEightBits, configuration))
    }

    func beginEncoding(_ image: ProcessedImage) throws -> any ImageEncoding {
        try vision.beginEncoding(image, on: backend)
    }

    var stepWeightBytes: Int? { decoder.stepWeightBytes }

    func forward(_ batch: ForwardBatch, cache: KVCache) throws -> Tensor {
        try decoder.forward(batch, cache: cache, on: backend)
    }
}

extension TensorAliases {
    /// Names that transformers 4.36 to 5 have written for a tower, a projector and a decoder.
    static let imageText = TensorAliases(canonicalPrefixes: [
        "vision_tower.": "vision_tower.",
        "vision_tower.vision_model.": "vision_tower.",
        "model.vision_tower.": "vision_tower.",
        "model.vision_tower.vision_model.": "vision_tower.",
        "multi_modal_projector.": "multi_modal_projector.",
        "model.multi_modal_projector.": "multi_modal_projector.",
        "language_model.model.": "language_model.model.",
        "model.language_model.": "language_model.model.",
        "model.language_model.model.": "language_model.model.",
        "language_model.lm_head.": "lm_head.",
        "model.language_model.lm_head.": "lm_head.",
    ])
}
