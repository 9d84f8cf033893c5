import Compute
import Models

/// The device's half of a step: encodes images, runs the decoder over a plan's runs.
///
/// Used from the engine's thread only.
struct StepRunner {
    let model: any VisionLanguageModel
    let backend: any Backend
    let cache: KVCache

    /// Features of `image`, checked to be one row for each of its placeholders.
    func encode(_ image: ProcessedImage) throws -> Tensor {
        let features = try model.encode(image)
        guard features.rows == image.tokenCount else {
            throw EngineError.wrongFeatures(
                image: image.hash.description, expectedRows: image.tokenCount, foundRows: features.rows)
        }
        return features
    }

    /// Logits of the runs that want them, in their order, laid end to end: [wanting runs × vocabulary].
    func logits(of runs: [StepPlan.Run], images: ImageCache<Tensor>) throws -> [Float] {
        let logits = try model.forward(batch(of: runs, images: images), cache: cache)
        guard runs.contains(where: \.wantsLogits) else { return [] }
        return try backend.download(logits)
    }

    private func batch(of runs: [StepPlan.Run], images: ImageCache<Tensor>) -> ForwardBatch {
        var batch = ForwardBatch(tokens: [], positions: [], layout: BatchLayout(sequences: []), logitRows: [])
        for run in runs {
            let firstRow = batch.tokens.count
            batch.tokens += run.tokens
            batch.positions += run.positions.map { Int32($0) }
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
            if run.wantsLogits { batch.logitRows.append(Int32(rows.upperBound - 1)) }
        }
        return batch
    }
}
