import Compute
import Foundation
import Testing

@testable import Models

/// Tiny random checkpoints of both generations against transformers 5.24 in f32.
struct QwenVLGoldenTests {
    static let checkpoints = ["qwen25vl-tiny", "qwen3vl-tiny"]
    static let cases = checkpoints.flatMap { name in Golden.cases(of: name).map { Case(checkpoint: name, golden: $0) } }

    struct Case: CustomTestStringConvertible, Sendable {
        let checkpoint: String
        let golden: Golden.Case

        var testDescription: String { "\(checkpoint): \(golden.name)" }
    }

    private let backend = CPUBackend(threads: 1)

    private func load(_ checkpoint: String) throws -> LoadedModel {
        try ModelLoader.load(CheckpointFixtures.path(checkpoint), backend: backend)
    }

    @Test func `the goldens cover one picture, two, none, a strip and a tower`() {
        #expect(Self.cases.count == 10)
        #expect(Set(Self.cases.map(\.golden.images.count)) == [0, 1, 2])
    }

    @Test(arguments: cases)
    func `tokens, pixels, places and rotary positions are exact`(_ test: Case) throws {
        let (golden, model) = (test.golden, try load(test.checkpoint))
        let prompt = try golden.prompt(model)
        #expect(prompt.tokens == golden.inputIDs)
        let processor = try #require(model.processor as? QwenVLProcessor)
        let side = processor.tokenSide
        let found = prompt.images.map { [$0.image.height / side, $0.image.width / side] }
        #expect(found == golden.grids)
        #expect(prompt.images.map { patchHash(of: $0.image, side: side) } == golden.pixelSHA256 ?? [])
        let places = golden.inputIDs.indices.filter { golden.inputIDs[$0] == model.tokenizer.id(of: "<|image_pad|>") }
        #expect(prompt.images.flatMap(\.positions) == places)
        #expect((prompt.grid == nil) == prompt.images.isEmpty)
        guard let grid = prompt.grid else { return }
        #expect(prompt.tokens.indices.map { grid[$0] }.map { [$0.time, $0.row, $0.column] } == golden.rotary)
        let after = try #require(golden.rotaryAfter)
        for step in 0..<3 {
            #expect(grid[prompt.tokens.count + step] == .text(at: Int(after) + step))
        }
    }

    @Test(arguments: cases)
    func `the features, the logits and 32 greedy tokens agree`(_ test: Case) throws {
        let (golden, model) = (test.golden, try load(test.checkpoint))
        let prompt = try golden.prompt(model)
        if let image = prompt.images.last?.image {
            let features = try backend.download(model.model.encode(image))
            #expect(relativeError(features, golden.lastFrameFeatures ?? []) < 1e-5)
        }
        let generation = try GreedyGeneration(prompt, length: 32, on: model.model, backend)
        #expect(relativeError(try generation.prefill(logitRows: golden.logitRows), golden.logits) < 1e-4)
        #expect(try generation.tokens(32) == golden.greedy)
    }

    struct PixelGolden: Decodable {
        var width, height, seed, rows, columns: Int
        var sha256: String
    }

    /// 18 sizes from 1 × 1 to 1000 × 6.
    @Test(arguments: checkpoints)
    func `pixel values equal those of the Pillow-based processor exactly`(_ checkpoint: String) throws {
        let goldens = try CheckpointFixtures.decode([PixelGolden].self, from: checkpoint + "/pixels.json")
        #expect(goldens.count == 18)
        let processor = try #require(load(checkpoint).processor as? QwenVLProcessor)
        for golden in goldens {
            let picture = DrawnPicture.image(width: golden.width, height: golden.height, seed: golden.seed)
            let image = try processor.process(picture, maxTiles: nil)
            let patch = processor.tokenSide / 2
            #expect(image.height == golden.rows * patch && image.width == golden.columns * patch, "\(golden)")
            #expect(image.tokenCount == golden.rows * golden.columns / 4, "\(golden)")
            #expect(patchHash(of: image, side: processor.tokenSide) == golden.sha256, "\(golden)")
            #expect(image.pixels.count <= processor.mostPixelBytes(maxTiles: nil), "\(golden)")
        }
    }

    /// Of the patches that both generations take first: units of four in reading order.
    private func patchHash(of image: ProcessedImage, side: Int) -> String {
        let patch = side / 2
        let grid = PatchGrid(rows: image.height / patch, columns: image.width / patch, merge: 2, window: nil)
        let patches = image.patches(at: grid.places, size: patch)
        return withExtendedLifetime(patches) { hash(of: Array(patches.bytes.bindMemory(to: Float.self))) }
    }

    @Test(arguments: checkpoints)
    func `an image cut into small slices has the features of one in large ones`(_ checkpoint: String) throws {
        let model = try load(checkpoint)
        let tower = try #require(model.model as? QwenVL).vision
        let image = try model.processor.process(DrawnPicture.image(width: 250, height: 120, seed: 4), maxTiles: nil)
        func features(_ rowsAtOnce: Int) throws -> (values: [Float], slices: Int) {
            var encoding = try QwenVLEncoding(of: image, by: tower, rowsAtOnce: rowsAtOnce, on: backend)
            var slices = 1
            while true {
                if let features = try encoding.advance() { return (try backend.download(features), slices) }
                slices += 1
            }
        }
        let (large, small) = (try features(1024), try features(8))
        // Few rows take another way through the products, which rounds otherwise.
        #expect(relativeError(small.values, large.values) < 2e-6)
        #expect(large.slices < 20 && small.slices > 80)
    }

    /// The layout of files before transformers 4.52: the decoder's settings at the top, the sections of the heads in
    /// `rope_scaling`.
    @Test func `an older configuration of Qwen2.5-VL means the same`() throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.qwen25VL)
        try folder.edit("config.json") { settings in
            let text = settings["text_config"] as? [String: Any] ?? [:]
            settings["text_config"] = nil
            settings.merge(text) { old, _ in old }
            settings["rope_parameters"] = nil
            settings["rope_theta"] = 100.0
            settings["rope_scaling"] = ["type": "mrope", "mrope_section": [1, 1, 2]]
        }
        let old = try QwenVLConfiguration(Settings(contentsOf: folder.path + "/config.json"), .qwen25)
        let new = try QwenVLConfiguration(Settings(contentsOf: CheckpointFixtures.qwen25VL + "/config.json"), .qwen25)
        #expect(old == new)
        #expect(folder.loadingError == "loaded")
    }

    @Test(arguments: [
        ("visual.blocks.0.norm1.weight", "visual.blocks.0.norm1.weight"),
        ("model.visual.merger.norm.bias", "visual.merger.norm.bias"),
        ("model.layers.3.mlp.up_proj.weight", "language_model.layers.3.mlp.up_proj.weight"),
        ("model.language_model.norm.weight", "language_model.norm.weight"),
        ("language_model.model.norm.weight", "language_model.norm.weight"), ("lm_head.weight", "lm_head.weight"),
    ])
    func `every generation of names is known`(_ stored: String, _ canonical: String) {
        #expect(TensorAliases.qwenVL.canonicalName(of: stored) == canonical)
    }

    @Test(arguments: zip(checkpoints, [("Qwen2.5-VL", 28), ("Qwen3-VL", 32)]))
    func `it is inspected without problems`(_ checkpoint: String, _ expected: (name: String, side: Int)) {
        let inspection = CheckpointInspection(of: CheckpointFixtures.path(checkpoint))
        #expect(inspection.problems == [])
        #expect(inspection.family == expected.name && inspection.imageTokenSide == expected.side)
        #expect(inspection.report.contains("image: one token for each \(expected.side) × \(expected.side) pixels"))
    }

    @Test(arguments: checkpoints)
    func `random weights run a whole prompt, without image settings too`(_ checkpoint: String) throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.path(checkpoint))
        try FileManager.default.removeItem(atPath: folder.path + "/preprocessor_config.json")
        let model = try ModelLoader.random(configuration: folder.path + "/config.json", backend: backend, type: .bf16)
        let image = try model.processor.process(DrawnPicture.image(width: 310, height: 200, seed: 1), maxTiles: nil)
        let prompt = try model.processor.prompt(
            for: [ChatMessage(role: "user", content: [.image, .text("Hello")])], images: [image])
        #expect(prompt.images[0].positions.count == image.tokenCount && image.tokenCount >= 64)
        let generation = try GreedyGeneration(prompt, length: 4, on: model.model, backend)
        let logits = try generation.prefill(logitRows: [Int32(prompt.tokens.count - 1)])
        #expect(logits.count == 321 && logits.allSatisfy(\.isFinite) && Set(logits).count > 100)
    }

    @Test(arguments: checkpoints)
    func `8-bit weights load and answer nearly alike`(_ checkpoint: String) throws {
        let golden = try #require(Golden.cases(of: checkpoint).first { $0.name == "one picture" })
        let model = try ModelLoader.load(
            CheckpointFixtures.path(checkpoint), backend: backend, options: LoadOptions(quantization: .q8))
        let generation = try GreedyGeneration(golden.prompt(model), length: 1, on: model.model, backend)
        let difference = relativeError(try generation.prefill(logitRows: golden.logitRows), golden.logits)
        #expect(difference > 1e-4 && difference < 0.15)
    }

    @Test func `a user who writes the tags writes words`() throws {
        let model = try load("qwen25vl-tiny")
        let text = "<|vision_start|><|image_pad|><|vision_end|>"
        let prompt = try model.processor.prompt(
            for: [ChatMessage(role: "user", content: [.text(text)])], images: [])
        let special = QwenVLProcessor.tags.compactMap { model.tokenizer.id(of: $0) }
        #expect(special.count == 4 && prompt.grid == nil)
        #expect(!prompt.tokens.contains(where: special.contains))
    }
}
