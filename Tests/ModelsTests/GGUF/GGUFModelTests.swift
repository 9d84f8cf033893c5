import Compute
import Foundation
import Testing

@testable import Models

struct GGUFModelTests {
    private let backend = CPUBackend(threads: 1)
    private let chat = [ChatMessage(role: "user", content: [.text("hello <|im_end|> Ünïcode 12")])]

    private func logits(_ model: LoadedModel) throws -> [Float] {
        let prompt = try model.processor.prompt(for: chat, images: [])
        let generation = try GreedyGeneration(prompt, length: 4, on: model.model, backend)
        return try generation.prefill(logitRows: (0..<Int32(prompt.tokens.count)).map { $0 })
    }

    private func loaded(_ file: GGUFBytes) throws -> LoadedModel {
        let folder = try TemporaryFolder()
        return try ModelLoader.load(folder.write(file.bytes, to: "tiny.gguf"), backend: backend)
    }

    private func folderModel(scaling: String = "null") throws -> LoadedModel {
        let folder = try TemporaryFolder()
        try GGUFLlama.writeFolder(folder, scaling: scaling)
        return try ModelLoader.load(folder.path, backend: backend)
    }

    @Test func `one Llama as a folder and as a GGUF file gives the same tokens and logits`() throws {
        let (file, folder) = (try loaded(GGUFLlama.file()), try folderModel())
        let tokens = try file.processor.prompt(for: chat, images: []).tokens
        #expect(try tokens == folder.processor.prompt(for: chat, images: []).tokens)
        #expect(try logits(file) == logits(folder))
        #expect(file.generation.stopTokens == [Int32(GGUFLlama.tokens.count - 1)])
        #expect(file.generation == folder.generation)
        #expect(file.card.name == "tiny" && file.card.family == "llama" && folder.card.family == "llama")
        #expect(file.card.parameterCount == folder.card.parameterCount)
    }

    @Test func `rows of queries and keys that stay as the file has them show`() throws {
        var file = GGUFLlama.file()
        let index = try #require(file.tensors.firstIndex { $0.name == "blk.0.attn_k.weight" })
        let row = GGUFLlama.width * 4
        let head = GGUFLlama.headSize / 2 * row
        // The halves of the first head change places.
        let bytes = file.tensors[index].bytes
        file.tensors[index].bytes.replaceSubrange(0..<2 * head, with: bytes[head..<2 * head] + bytes[..<head])
        #expect(try relativeError(logits(loaded(file)), logits(folderModel())) > 1e-3)
    }

    @Test func `factors of rotary frequencies are those of Llama 3's scaling`() throws {
        let scaling = Rotary.Scaling.llama3(factor: 8, lowFrequency: 1, highFrequency: 4, originalContext: 64)
        let plain = Rotary(.init(theta: 500, scaling: .none), headSize: GGUFLlama.headSize).frequencies
        let scaled = Rotary(.init(theta: 500, scaling: scaling), headSize: GGUFLlama.headSize).frequencies
        var file = GGUFLlama.file()
        file.tensors.append(.init("rope_freqs.weight", shape: [plain.count], values: zip(plain, scaled).map(/)))
        let folder = try folderModel(
            scaling: """
                {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
                 "original_max_position_embeddings": 64}
                """)
        #expect(try relativeError(logits(loaded(file)), logits(folder)) < 1e-5)
        #expect(try relativeError(logits(loaded(GGUFLlama.file())), logits(folder)) > 1e-4)
    }

    @Test func `linear scaling is read under both of its names`() throws {
        let expected = try logits(folderModel(scaling: #"{"rope_type": "linear", "factor": 4}"#))
        for (key, type) in [("llama.rope.scaling.factor", "linear"), ("llama.rope.scale_linear", nil)] {
            var file = GGUFLlama.file()
            file[key] = .f32(4)
            if let type { file["llama.rope.scaling.type"] = .string(type) }
            #expect(try logits(loaded(file)) == expected, "\(key)")
        }
    }

    @Test func `a prompt begins with the beginning token once where the file says so`() throws {
        let first = Int32(GGUFLlama.tokens.count - 2)
        var file = GGUFLlama.file()
        file["tokenizer.ggml.add_bos_token"] = .boolean(1)
        let written = try loaded(file).processor.prompt(for: chat, images: []).tokens
        #expect(written.first == first && written[1] != first)
        file["tokenizer.chat_template"] = .string("{{ messages[0]['content'] }}")
        let added = try loaded(file).processor.prompt(for: chat, images: []).tokens
        #expect(added.first == first)
        file["tokenizer.ggml.add_bos_token"] = .boolean(0)
        #expect(try loaded(file).processor.prompt(for: chat, images: []).tokens == Array(added.dropFirst()))
    }

    @Test func `a text model refuses images wherever one comes`() throws {
        let model = try loaded(GGUFLlama.file())
        #expect(!model.processor.takesImages)
        let picture = DrawnPicture.image(width: 8, height: 8, seed: 1)
        #expect(throws: ModelError.takesNoImages(model: nil)) { try model.processor.process(picture, maxTiles: nil) }
        let message = ChatMessage(role: "user", content: [.text("What?"), .image])
        #expect(throws: ModelError.takesNoImages(model: nil)) {
            try model.processor.prompt(for: [message], images: [])
        }
    }

    typealias Refused = (words: [String], change: @Sendable (inout GGUFBytes) -> Void)

    /// What Docent cannot run, and the words that say what is wrong.
    static let refused: [Refused] = [
        (["architecture qwen2", "it knows llama"], { $0["general.architecture"] = .string("qwen2") }),
        (["general.architecture", "absent"], { $0["general.architecture"] = nil }),
        (["llama.block_count"], { $0["llama.block_count"] = nil }),
        (["llama.expert_count is 8"], { $0["llama.expert_count"] = .u32(8) }),
        (["llama.rope.dimension_count is 8", "16"], { $0["llama.rope.dimension_count"] = .u32(8) }),
        (["llama.attention.value_length is 32"], { $0["llama.attention.value_length"] = .u32(32) }),
        (["llama.attention.head_count_kv", "divisor"], { $0["llama.attention.head_count_kv"] = .u32(3) }),
        (["llama.rope.scaling.type", "yarn"], { $0["llama.rope.scaling.type"] = .string("yarn") }),
        (["split.count is 3"], { $0["split.count"] = .u16(3) }),
        (["model type llama"], { $0["tokenizer.ggml.model"] = .string("llama") }),
        (["tokenizer.ggml.pre tekken", "llama-bpe"], { $0["tokenizer.ggml.pre"] = .string("tekken") }),
        (["tokenizer.ggml.tokens"], { $0["tokenizer.ggml.tokens"] = .strings([]) }),
        (["tokenizer.ggml.token_type"], { $0["tokenizer.ggml.token_type"] = .array(5, [.i32(1)]) }),
        (["tokenizer.ggml.eos_token_id"], { $0["tokenizer.ggml.eos_token_id"] = .u32(9999) }),
        (["tokenizer.chat_template"], { $0["tokenizer.chat_template"] = nil }),
        (["lacks the tensor model.norm.weight"], { $0.tensors.removeAll { $0.name == "output_norm.weight" } }),
        (["blk.0.attn_sinks.weight"], { $0.tensors.append(.init("blk.0.attn_sinks.weight", shape: [1], values: [1])) }),
        (
            ["rope_freqs.weight", "cannot divide"],
            { $0.tensors.append(.init("rope_freqs.weight", shape: [8], values: [Float](repeating: 0, count: 8))) }
        ),
        (
            ["rope_freqs.weight", "[8]"],
            { $0.tensors.append(.init("rope_freqs.weight", shape: [4], values: [1, 1, 1, 1])) }
        ),
    ]

    @Test(arguments: refused.indices)
    func `what cannot be run is refused by loading and by inspecting in the same words`(_ index: Int) throws {
        let refused = Self.refused[index]
        var file = GGUFLlama.file()
        refused.change(&file)
        let folder = try TemporaryFolder()
        let path = try folder.write(file.bytes, to: "model.gguf")
        let error = #expect(throws: (any Error).self, "\(refused.words)") {
            try ModelLoader.load(path, backend: backend)
        }
        let text = error.map { "\($0)" } ?? ""
        for word in refused.words { #expect(text.contains(word), "\(text)") }
        #expect(text.contains(path))
        #expect(CheckpointInspection(of: path).problems.contains(text))
    }

    @Test func `a file that runs is described without problems`() throws {
        let folder = try TemporaryFolder()
        let inspection = CheckpointInspection(of: try folder.write(GGUFLlama.file().bytes, to: "tiny.gguf"))
        #expect(inspection.problems.isEmpty && inspection.name == "tiny" && inspection.family == "Llama")
        #expect(inspection.dtype == "F32" && inspection.contextLength == 256 && inspection.imageTokens == nil)
        #expect(inspection.report.contains("image: none"))
    }

    @Test func `random weights run a model of text`() throws {
        let folder = try TemporaryFolder()
        try GGUFLlama.writeFolder(folder)
        // 256 bytes and five marks are what the stand-in tokenizer has.
        try folder.edit("config.json") { $0["vocab_size"] = 270 }
        let model = try ModelLoader.random(configuration: folder.path + "/config.json", backend: backend, type: .bf16)
        let prompt = try model.processor.prompt(for: chat, images: [])
        #expect(
            model.tokenizer.decode(prompt.tokens, skipSpecialTokens: true).contains("User: hello <|im_end|> Ünïcode"))
        #expect(try logits(model).allSatisfy(\.isFinite))
    }
}
