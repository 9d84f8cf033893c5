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
