import Compute
import Testing

@testable import Models

/// The last layer computes nothing for rows whose logits nobody wants, and the others must not notice.
@Suite struct LastLayerTests {
    private let backend = CPUBackend(threads: 1)

    /// Logits of `rows` of nine tokens, of which rows 1 and 2 are a picture's with that many levels of features.
    private func logits(of rows: [Int32], levels: Int, _ model: any VisionLanguageModel, width: Int) throws -> [Float] {
        let shape = model.shape
        let cache = try backend.makeKVCache(
            KVCacheShape(
                layers: shape.layers, kvHeads: shape.kvHeads, headSize: shape.headSize, pages: 1, pageSize: 16))
        let features = try backend.makeTensor([2, levels * width], .f32)
        for index in 0..<features.count {
            features.address.storeBytes(of: Float(index * 37 % 19 - 9) / 8, toByteOffset: 4 * index, as: Float.self)
        }
        let batch = ForwardBatch(
            tokens: [5, 3, 3, 7, 2, 9, 4, 6, 8], positions: [0, 1, 2, 3, 4, 5, 6, 7, 8],
            features: [FeatureRows(features: features, rows: [1, 2])],
            layout: BatchLayout(sequences: [.init(rows: 0..<9, contextLength: 9, pages: [0])]), logitRows: rows)
        return try backend.download(model.forward(batch, cache: cache))
    }

    /// Three layers: the fourth level is added after the last of them.
    @Test(arguments: [("qwen3vl-tiny", 4), ("smolvlm-tiny", 1), ("gemma3-tiny", 1)])
    func `some rows' logits are those that they have among all`(checkpoint: String, levels: Int) throws {
        let model = try ModelLoader.load(CheckpointFixtures.path(checkpoint), backend: backend).model
        let settings = try Checkpoint(CheckpointFixtures.path(checkpoint)).settings
        let width = try #require(try settings.section("text_config")).integer("hidden_size", in: 1...4096)
        var before: [Float] = []
        for levels in 1...levels {
            let all = try logits(of: Array(0..<9), levels: levels, model, width: width)
            let vocabulary = all.count / 9
            let some = try logits(of: [1, 8], levels: levels, model, width: width)
            let expected = Array(all[vocabulary..<2 * vocabulary] + all[8 * vocabulary..<9 * vocabulary])
            #expect(relativeError(some, expected) < 1e-5, "\(levels) levels")
            // Every level counts, or nothing was shown.
            #expect(before.isEmpty || relativeError(some, before) > 1e-3, "\(levels) levels")
            before = some
            #expect(try logits(of: [], levels: levels, model, width: width).isEmpty)
        }
    }
}
