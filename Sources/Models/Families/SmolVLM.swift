import Compute

/// Idefics3, SmolVLM and SmolVLM2: image features stand in the decoder's input where `<image>` tokens are.
struct SmolVLM: VisionLanguageModel {
    let shape: ModelShape
    let vision: SmolVLMVision
    let decoder: TextDecoder
    private let backend: any Backend

    init(_ weights: Weights, _ configuration: SmolVLMConfiguration, backend: any Backend) throws {
        shape = configuration.shape
        // First the decoder, whose table and head are the largest: see there.
        decoder = try TextDecoder(weights.scoped("model.text_model"), root: weights, configuration.text)
        vision = try SmolVLMVision(weights.scoped("model").withEightBits, configuration)
        self.backend = backend
    }

    func beginEncoding(_ image: ProcessedImage) throws -> any ImageEncoding {
        FrameEncoding(of: image, by: vision, on: backend)
    }

    var stepWeightBytes: Int? { decoder.stepWeightBytes }

    func forward(_ batch: ForwardBatch, cache: KVCache) throws -> Tensor {
        try decoder.forward(batch, cache: cache, on: backend)
    }

    /// Checks every tensor without allocating any.
    static func audit(_ weights: Weights, _ configuration: SmolVLMConfiguration) throws {
        _ = try SmolVLMVision(weights.scoped("model"), configuration)
        _ = try TextDecoder(weights.scoped("model.text_model"), root: weights, configuration.text)
    }

    /// Names of transformers 4.46 to 5, of checkpoints that put the towers at the top, and of conversions that use
    /// the newer generic names.
    static let aliases = TensorAliases(canonicalPrefixes: [
        "model.vision_model.": "model.vision_model.",
        "vision_model.": "model.vision_model.",
        "model.vision_tower.": "model.vision_model.",
        "vision_tower.": "model.vision_model.",
        "model.vision_model.vision_model.": "model.vision_model.",
        "model.vision_tower.vision_model.": "model.vision_model.",
        "vision_tower.vision_model.": "model.vision_model.",
        "model.connector.": "model.connector.",
        "connector.": "model.connector.",
        "model.text_model.": "model.text_model.",
        "text_model.": "model.text_model.",
        "model.language_model.": "model.text_model.",
        "language_model.model.": "model.text_model.",
        "language_model.lm_head.": "lm_head.",
        "model.text_model.lm_head.": "lm_head.",
    ])
}
