import Compute
import Foundation
import Models
import Testing

@testable import ComputeCUDA

/// A whole family from pixels to tokens, on the emulated device and on the CPU.
@Suite(.aside)
struct EmulatedModelTests {
    private static let fixtures = URL(filePath: #filePath).appending(path: "../../Fixtures/checkpoints").standardized

    /// Pixels, the tower, the features in the prompt, the prompt in two chunks, then tokens one by one.
    /// The second has weights in bf16: what they are multiplied with is rounded too.
    @Test(arguments: [("smolvlm-tiny", 1e-4), ("idefics3-tiny", 2e-2)])
    func `a picture and a question give the CPU's logits and tokens`(checkpoint: String, tolerance: Float) throws {
        let folder = Self.fixtures.appending(path: checkpoint).path()
        let reference = CPUBackend(threads: 1)
        let expected = try Answer(to: folder, on: reference, tokens: 6)
        try Emulation.withBackend(slabBytes: 4 << 20, stagingBytes: 1 << 20) { backend in
            let found = try Answer(to: folder, on: backend, tokens: 6)
            #expect(found.tokens == expected.tokens)
            #expect(relativeError(found.features, expected.features) < tolerance)
            for (found, expected) in zip(found.logits, expected.logits) {
                #expect(relativeError(found, expected) < tolerance)
            }
        }
    }

    private func relativeError(_ found: [Float], _ expected: [Float]) -> Float {
        guard found.count == expected.count, !expected.isEmpty else { return .infinity }
        let scale = expected.reduce(0) { max($0, abs($1)) }
        return zip(found, expected).reduce(0) { max($0, $1.0.isNaN ? .infinity : abs($1.0 - $1.1)) } / scale
    }
}

/// What a model makes of a drawn picture and a question.
struct Answer {
    var features: [Float]
    var logits: [[Float]] = []
    var tokens: [Int32] = []

    init(to folder: String, on backend: any Backend, tokens count: Int) throws {
        let loaded = try ModelLoader.load(folder, backend: backend)
        let (model, shape) = (loaded.model, loaded.model.shape)
        let pixels = (0..<40 * 30 * 3).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 13) }
        let image = try loaded.processor.process(RGBImage(width: 40, height: 30, pixels: pixels), maxTiles: 1)
        let message = ChatMessage(role: "user", content: [.image, .text("What is this?")])
        let prompt = try loaded.processor.prompt(for: [message], images: [image])
        let features = try model.encode(image)
        self.features = try backend.download(features)

        let pages = (0..<Int32((prompt.tokens.count + count + 15) / 16)).reversed().map { $0 }
        let cache = try backend.makeKVCache(
            KVCacheShape(
                layers: shape.layers, kvHeads: shape.kvHeads, headSize: shape.headSize, pages: pages.count,
                pageSize: 16))
        func step(_ tokens: [Int32], from start: Int, _ images: [FeatureRows] = []) throws {
            let end = start + tokens.count
            let batch = ForwardBatch(
                tokens: tokens, positions: (Int32(start)..<Int32(end)).map { $0 }, features: images,
                layout: BatchLayout(sequences: [.init(rows: 0..<tokens.count, contextLength: end, pages: pages)]),
                logitRows: [Int32(tokens.count - 1)])
            let row = try backend.download(model.forward(batch, cache: cache))
            logits.append(row)
            self.tokens.append(Int32(row.indices.max { row[$0] < row[$1] } ?? 0))
        }
        let rows = prompt.images.map { FeatureRows(features: features, rows: $0.positions.map(Int32.init)) }
        let chunk = (prompt.images.last?.positions.last ?? 0) + 1
        try step(Array(prompt.tokens[..<chunk]), from: 0, rows)
        try step(Array(prompt.tokens[chunk...]), from: chunk)
        tokens.removeFirst()
        while tokens.count < count {
            try step([tokens[tokens.count - 1]], from: prompt.tokens.count + tokens.count - 1)
        }
    }
}
