public import Compute

/// An image on its way through a model's vision tower, so that other work can be done in between.
///
/// Each call of `advance` is one slice: tens of milliseconds on a processor, for any size of image. The results are
/// the same to the last bit whatever happens between the slices. Slices work in place, so of an encoding and its copies only one
/// may be advanced, and none after an error. Used from the thread of the model's backend only.
public protocol ImageEncoding: Sendable {
    /// Does the next slice. After the last: the image's features, [image.tokenCount, hidden width], ready to replace
    /// embeddings.
    mutating func advance() throws -> Tensor?
}

extension VisionLanguageModel {
    /// What a model without a vision tower says.
    public func beginEncoding(_ image: ProcessedImage) throws -> any ImageEncoding {
        throw ModelError.takesNoImages(model: nil)
    }

    /// Features of one image, [image.tokenCount, hidden width], in one go.
    public func encode(_ image: ProcessedImage) throws -> Tensor {
        var encoding = try beginEncoding(image)
        while true {
            if let features = try encoding.advance() { return features }
        }
    }
}
