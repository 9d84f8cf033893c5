import Compute
import Testing

@testable import Models

/// Encoding in slices is encoding: not a bit differs.
struct ImageEncodingTests {
    private let backend = CPUBackend(threads: 2)

    private func docentMini(_ options: LoadOptions = LoadOptions()) throws -> LoadedModel {
        try ModelLoader.load(
            DocentMiniTests.repository + "/Sources/docent/docent-mini", backend: backend, options: options)
    }

    /// `frames` frames of docent-mini's size (192 pixels, 36 tokens each), drawn with numbers.
    private func image(_ seed: Int, frames: Int) -> ProcessedImage {
        let pixels = (0..<frames * 3 * 192 * 192).map { UInt8(($0 * (seed + 3) / 7) % 251) }
        return ProcessedImage(
            pixels: pixels, levels: ColourLevels { _, step in Float(step) / 127.5 - 1 }, frameCount: frames,
            height: 192, width: 192, tileRows: 0, tileColumns: 0, tokenCount: 36 * frames,
            hash: ContentHash(of: [UInt8(seed)]))
    }

    private func features(_ encoding: some ImageEncoding) throws -> (values: [Float], slices: Int) {
        var encoding = encoding
        var slices = 1
        while true {
            if let features = try encoding.advance() { return (try backend.download(features), slices) }
            slices += 1
        }
    }

    @Test(arguments: [LoadOptions.Quantization.none, .q8])
    func `frames one by one have the features that they have together`(
        quantization: LoadOptions.Quantization
    ) throws {
        let model = try docentMini(LoadOptions(quantization: quantization))
        let vision = try #require(model.model as? SmolVLM).vision
        let image = image(1, frames: 5)
        let together = try features(FrameEncoding(of: image, by: vision, rowsAtOnce: 5 * 144, on: backend))
        let byTwo = try features(FrameEncoding(of: image, by: vision, rowsAtOnce: 2 * 144, on: backend))
        let alone = try features(FrameEncoding(of: image, by: vision, rowsAtOnce: 1, on: backend))
        #expect(together.values.count == 5 * 36 * 256)
        #expect(together.values == byTwo.values)
        #expect(together.values == alone.values)
        // Patches, two halves of six blocks, the end: for each group of frames.
        #expect([together.slices, byTwo.slices, alone.slices] == [14, 3 * 14, 5 * 14])
    }

    @Test(arguments: [
        "smolvlm-tiny", "idefics3-tiny", "nemotron-tiny", "internvl-tiny", "qwen25vl-tiny", "qwen3vl-tiny",
        "llava-tiny",
    ])
    func `images encoded by turns have the features that each has alone`(checkpoint: String) throws {
        let model = try ModelLoader.load(CheckpointFixtures.path(checkpoint), backend: backend)
        let pictures = [(200, 90, 1), (64, 64, 2), (70, 150, 3)].map {
            DrawnPicture.image(width: $0.0, height: $0.1, seed: $0.2)
        }
        let images = try pictures.map { try model.processor.process($0, maxTiles: nil) }
        let alone = try images.map { try backend.download(model.model.encode($0)) }
        var encodings = try images.map { try model.model.beginEncoding($0) }
        var found: [Int: [Float]] = [:]
        while found.count < images.count {
            for index in images.indices where found[index] == nil {
                found[index] = try encodings[index].advance().map(backend.download)
            }
        }
        for index in images.indices { #expect(found[index] == alone[index]) }
    }

    @Test func `a model without a vision tower refuses images`() {
        struct TextOnly: VisionLanguageModel {
            let shape = ModelShape(vocabulary: 1, layers: 1, kvHeads: 1, headSize: 2, contextLength: 1)

            func forward(_ batch: ForwardBatch, cache: KVCache) throws -> Tensor { throw CancellationError() }
        }
        #expect(throws: ModelError.takesNoImages(model: nil)) { try TextOnly().encode(image(1, frames: 1)) }
    }
}

extension VisionTower {
    /// The tower's states of some frames, [frames × patches, width].
    func tower(_ image: ProcessedImage, frames: Range<Int>, on backend: any Backend) throws -> Tensor {
        var pass = TowerPass<Self>(of: image, frames: frames)
        while true {
            if let states = try pass.advance(self, on: backend) { return states }
        }
    }
}
