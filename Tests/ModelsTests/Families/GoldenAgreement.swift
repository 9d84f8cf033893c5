import Compute
import Testing

@testable import Models

extension Golden.Case {
    /// Tokens, pixels and the places of pictures are the reference's, exactly; `marker` is the token that holds them.
    func expectExactPrompt(
        _ model: LoadedModel, marker: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let prompt = try prompt(model)
        #expect(prompt.tokens == inputIDs, sourceLocation: sourceLocation)
        let pixels = prompt.images.map { hash(of: $0.image.normalised) }
        #expect(pixels == pixelSHA256 ?? [], sourceLocation: sourceLocation)
        let found = prompt.images.map { [$0.image.tileRows, $0.image.tileColumns] }
        #expect(found == grids, sourceLocation: sourceLocation)
        for image in prompt.images {
            #expect(image.positions.count == image.image.tokenCount, sourceLocation: sourceLocation)
            #expect(image.positions == image.positions.sorted(), sourceLocation: sourceLocation)
        }
        let token = try #require(model.tokenizer.id(of: marker), sourceLocation: sourceLocation)
        let places = inputIDs.indices.filter { inputIDs[$0] == token }
        #expect(prompt.images.flatMap(\.positions) == places, sourceLocation: sourceLocation)
    }

    /// The tower and the features of the last frame agree to 1e-5, the logits to 1e-4 of the largest, and 32 greedy tokens are
    /// equal.
    func expectAgreement<Tower: VisionTower>(
        _ model: LoadedModel, of family: ImageTextModel<Tower>.Type, on backend: any Backend,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let prompt = try prompt(model)
        try #require(prompt.tokens == inputIDs, sourceLocation: sourceLocation)
        if let image = prompt.images.last?.image {
            let vision = try #require(model.model as? ImageTextModel<Tower>, sourceLocation: sourceLocation).vision
            let states = try vision.tower(image, frames: image.frameCount - 1..<image.frameCount, on: backend)
            let tower = try backend.download(states)
            #expect(relativeError(tower, lastFrameTower ?? []) < 1e-5, sourceLocation: sourceLocation)
            let features = try backend.download(model.model.encode(image))
            let last = lastFrameFeatures ?? []
            #expect(relativeError(Array(features.suffix(last.count)), last) < 1e-5, sourceLocation: sourceLocation)
            #expect(features.count == image.frameCount * last.count, sourceLocation: sourceLocation)
        }
        let generation = try GreedyGeneration(prompt, length: 32, on: model.model, backend)
        let found = try generation.prefill(logitRows: logitRows)
        #expect(relativeError(found, logits) < 1e-4, sourceLocation: sourceLocation)
        #expect(try generation.tokens(32) == greedy, sourceLocation: sourceLocation)
    }
}
