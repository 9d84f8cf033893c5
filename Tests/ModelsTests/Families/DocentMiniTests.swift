import Compute
import Foundation
import Testing

@testable import Models

/// The default model, with its bf16 weights in f32 arithmetic, against transformers 5.23.
struct DocentMiniTests {
    struct MiniCase: Decodable, CustomTestStringConvertible {
        var name, image, prompt, text: String
        var inputIDs: [Int32]
        var greedy: [Int32]
        var pixelSHA256: String

        var testDescription: String { name }

        private enum CodingKeys: String, CodingKey {
            case name, image, prompt, text, greedy
            case inputIDs = "input_ids"
            case pixelSHA256 = "pixel_sha256"
        }
    }

    struct Sample: Decodable, CustomTestStringConvertible {
        struct Answer: Decodable {
            var prompt, answer: String
        }

        var file: String
        var answers: [String: Answer]

        var testDescription: String { file }

        private enum CodingKeys: String, CodingKey {
            case file
            case answers = "model_f32_greedy"
        }
    }

    static let repository = URL(filePath: #filePath).appending(path: "../../../..").standardized.path()
    static let samples: [Sample] = {
        struct File: Decodable { var samples: [Sample] }
        let file = repository + "/jobs/samples/expected.json"
        return (try? JSONDecoder().decode(File.self, from: Data(contentsOf: URL(filePath: file))).samples) ?? []
    }()
    static let cases: [MiniCase] = {
        struct File: Decodable { var cases: [MiniCase] }
        return (try? CheckpointFixtures.decode(File.self, from: "docent-mini-golden/golden.json").cases) ?? []
    }()

    private let backend = CPUBackend(threads: 1)

    private func load(_ options: LoadOptions = LoadOptions()) throws -> LoadedModel {
        try ModelLoader.load(Self.repository + "/Sources/docent/docent-mini", backend: backend, options: options)
    }

    private func prompt(_ text: String, about file: String, for model: LoadedModel) throws -> Prompt {
        let picture = try ImageDecoder.decode(contentsOf: Self.repository + "/jobs/samples/" + file)
        let message = ChatMessage(role: "user", content: [.image, .text(text)])
        return try model.processor.prompt(for: [message], images: [model.processor.process(picture, maxTiles: nil)])
    }

    @Test(arguments: cases)
    func `pixels and tokens are exact; tower, features, logits and greedy tokens agree`(_ golden: MiniCase) throws {
        let model = try load()
        let prompt = try prompt(golden.prompt, about: golden.image, for: model)
        let image = try #require(prompt.images.first?.image)
        #expect(hash(of: image.normalised) == golden.pixelSHA256)
        #expect(prompt.tokens == golden.inputIDs)

        if let states = try NumPyArray(named: golden.name + "-vision_last_hidden_state") {
            let vision = try #require(model.model as? SmolVLM).vision
            let tower = try backend.download(vision.tower(image, frames: 0..<1, on: backend))
            #expect(relativeError(tower, states.values) < 1e-4)
        }
        let features = try #require(try NumPyArray(named: golden.name + "-image_features"))
        #expect(relativeError(try backend.download(model.model.encode(image)), features.values) < 1e-4)

        let generation = try GreedyGeneration(prompt, length: 32, on: model.model, backend)
        let logits = try #require(try NumPyArray(named: golden.name + "-first_step_logits"))
        let found = try generation.prefill(logitRows: [Int32(prompt.tokens.count - 1)])
        #expect(relativeError(found, logits.values) < 1e-4)
        #expect(try generation.tokens(32) == golden.greedy)
    }

    /// Every format (JPEG, PNG, WebP, GIF), EXIF orientation and transparency; seven questions each.
    @Test(arguments: samples)
    func `every answer about a sample is the reference's`(_ sample: Sample) throws {
        let model = try load()
        #expect(sample.answers.count == 7)
        for (task, expected) in sample.answers {
            let prompt = try prompt(expected.prompt, about: sample.file, for: model)
            let generation = try GreedyGeneration(prompt, length: 96, on: model.model, backend)
            let tokens = try generation.tokens(96, stops: model.generation.stopTokens)
            let answer = model.tokenizer.decode(tokens, skipSpecialTokens: true)
            // The chat template ends in "Assistant:", so answers begin with a space, which the reference's texts lack.
            #expect(answer == " " + expected.answer, "\(sample.file), \(task)")
        }
    }

    @Test func `all samples and goldens are there`() {
        #expect(Self.samples.count == 12)
        #expect(Self.cases.count == 3)
    }

    @Test func `quantised to 8 bits it stays close and says the same about most samples`() throws {
        let exact = try load()
        let quantised = try load(LoadOptions(quantization: .q8))
        var same = 0
        for sample in Self.samples {
            let expected = try #require(sample.answers["describe"])
            let prompt = try prompt(expected.prompt, about: sample.file, for: exact)
            let last = [Int32(prompt.tokens.count - 1)]
            let logits = try GreedyGeneration(prompt, length: 1, on: exact.model, backend).prefill(logitRows: last)
            let generation = try GreedyGeneration(prompt, length: 64, on: quantised.model, backend)
            let error = relativeError(try generation.prefill(logitRows: last), logits)
            #expect(error < 0.1 && error > 0, "\(sample.file)")
            let tokens = try generation.tokens(64, stops: quantised.generation.stopTokens)
            if quantised.tokenizer.decode(tokens, skipSpecialTokens: true) == " " + expected.answer { same += 1 }
        }
        #expect(same >= 8)
    }

    @Test func `its card and its generation settings are read`() throws {
        let model = try load()
        #expect(model.card.name == "docent-mini" && model.card.family == "idefics3")
        #expect(model.card.parameterCount == 6_451_648)
        #expect(model.card.weightsHash.count == 64)
        #expect(model.generation.stopTokens == [2047])
        #expect(model.generation.temperature == nil)
        #expect(
            model.model.shape
                == ModelShape(vocabulary: 2048, layers: 4, kvHeads: 2, headSize: 64, contextLength: 2048))
    }
}

/// A NumPy file of f32 values (format 1.0).
struct NumPyArray {
    let values: [Float]

    /// Nil when there is no such file among docent-mini's goldens.
    init?(named name: String) throws {
        let url = CheckpointFixtures.folder.appending(path: "docent-mini-golden/\(name).npy")
        guard FileManager.default.fileExists(atPath: url.path()) else { return nil }
        let bytes = try Array(Data(contentsOf: url))
        try #require(bytes.starts(with: [0x93] + Array("NUMPY".utf8) + [1, 0]))
        let start = 10 + Int(bytes[8]) + Int(bytes[9]) << 8
        try #require(String(decoding: bytes[10..<start], as: UTF8.self).contains("'<f4', 'fortran_order': False"))
        values = bytes[start...].withUnsafeBytes { raw in
            (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
    }
}
