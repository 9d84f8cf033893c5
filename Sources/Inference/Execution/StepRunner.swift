import Compute
import Models

/// The device's half of a step: encodes images, runs the decoder over a plan's runs.
///
/// Used from the engine's thread only.
struct StepRunner {
    typealias Images = ImageCache<any ImageEncoding, Tensor>

    let model: any VisionLanguageModel
    let backend: any Backend
    let cache: KVCache

    /// Does the next slice of the encoding of `image`; true when that was the last and the features are in `images`,
    /// one row for each of the image's places. After an error the encoding would begin anew.
    func advance(_ image: ContentHash, in images: inout Images) throws -> Bool {
        guard let pixels = images.pixels(of: image) else {
            preconditionFailure("image \(image) is to be encoded but has no pixels")
        }
        var encoding = try images.encoding(of: image) ?? model.beginEncoding(pixels)
        images.keep(nil, of: image)
        guard let features = try encoding.advance() else {
            images.keep(encoding, of: image)
            return false
        }
        guard features.rows == pixels.tokenCount else {
            throw EngineError.wrongFeatures(
                image: image.description, expectedRows: pixels.tokenCount, foundRows: features.rows)
        }
        images.store(features, byteCount: features.byteCount, of: image)
        return true
    }

    /// Logits of the runs that want them, in their order, laid end to end: for each run those that predict its prompt, then
    /// its last: [wanted rows × vocabulary].
    func logits(of runs: [StepPlan.Run], images: Images) throws -> [Float] {
        let logits = try model.forward(batch(of: runs, images: images), cache: cache)
        guard runs.contains(where: { $0.logitRowCount > 0 }) else { return [] }
        return try backend.download(logits)
    }

    private func batch(of runs: [StepPlan.Run], images: Images) -> ForwardBatch {
        var batch = ForwardBatch(tokens: [], positions: [], layout: BatchLayout(sequences: []), logitRows: [])
        let turnsByGrid = runs.contains { $0.grid != nil }
        for run in runs {
            let firstRow = batch.tokens.count
            batch.tokens += run.tokens
            batch.positions += run.positions.map { Int32($0) }
            if turnsByGrid {
                batch.gridPositions += run.positions.map { run.grid?[$0] ?? .text(at: $0) }
            }
            for slice in run.features {
                guard let features = images.features(of: slice.image) else {
                    preconditionFailure("image \(slice.image) is planned before it is encoded")
                }
                let rows = slice.offsets.map { $0 + Int32(firstRow) }
                batch.features.append(FeatureRows(features: features.rows(slice.rows), rows: rows))
            }
            let rows = firstRow..<batch.tokens.count
            batch.layout.sequences.append(
                .init(rows: rows, contextLength: run.positions.upperBound, pages: run.pages))
            batch.logitRows += run.predictingPrompt.map { Int32(firstRow + $0 - run.positions.lowerBound) }
            if run.wantsLogits { batch.logitRows.append(Int32(rows.upperBound - 1)) }
        }
        return batch
    }
}
