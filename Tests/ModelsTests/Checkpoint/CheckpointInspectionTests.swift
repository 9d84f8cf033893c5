import Compute
import Foundation
import Testing

@testable import Models

struct CheckpointInspectionTests {
    @Test func `a checkpoint that runs is described without problems`() {
        let inspection = CheckpointInspection(of: CheckpointFixtures.idefics3)
        #expect(inspection.problems == [])
        #expect(inspection.isRunnable && inspection.isQuantisable)
        #expect(inspection.name == "idefics3-tiny" && inspection.family == "SmolVLM")
        #expect(inspection.architecture == "Idefics3ForConditionalGeneration")
        #expect(inspection.dtype == "BF16" && inspection.files.map(\.tensors).reduce(0, +) == 74)
        #expect(inspection.files.map(\.name) == (1...3).map { "model-0000\($0)-of-00003.safetensors" })
        #expect(inspection.contextLength == 512 && inspection.imageTokens == 4)
        #expect(inspection.parameters == 55_048)
    }

    @Test func `the report is one fact a line`() {
        let report = CheckpointInspection(of: CheckpointFixtures.smolVLM).report
        #expect(report.hasPrefix("smolvlm-tiny: Docent can run it\n"))
        #expect(report.contains("architecture: SmolVLMForConditionalGeneration (SmolVLM family)"))
        #expect(report.contains("context: 512 tokens"))
        #expect(report.contains("mostly F32"))
    }

    @Test func `it survives JSON`() throws {
        let inspection = CheckpointInspection(of: CheckpointFixtures.smolVLM)
        let data = try JSONEncoder().encode(inspection)
        #expect(try JSONDecoder().decode(CheckpointInspection.self, from: data) == inspection)
    }

    /// A file of smolvlm-tiny, what it becomes, and a word that says why such a checkpoint cannot run.
    @Test(arguments: [
        ("generation_config.json", #"{"temperature": "hot"}"#, "temperature"),
        ("generation_config.json", #"{"eos_token_id": -1}"#, "eos_token_id"),
        ("generation_config.json", #"{"top_k": -2}"#, "top_k"),
        ("generation_config.json", #"{"top_p": 7}"#, "top_p"),
        ("chat_template.jinja", "{% for message in messages %}", "chat template"),
        ("chat_template.jinja", "{{ messages[0].nothing.at_all }}", "chat template"),
        ("chat_template.jinja", "{{ messages[0].content[1].text }}", "<image>"),
        ("preprocessor_config.json", #"{"size": {"longest_edge": 0}}"#, "longest_edge"),
    ])
    func `what would fail to load is a problem in the words of loading`(
        _ file: String, _ content: String, _ word: String
    ) throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        try folder.write(Array(content.utf8), to: file)
        try expectOneProblem(folder, word)
    }

    @Test func `tokens that do not belong to the configuration and a context without room are problems`() throws {
        let foreign = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        try foreign.edit("config.json") { $0["image_token_id"] = 5 }
        try expectOneProblem(foreign, "<image>")
        let narrow = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        try narrow.edit("config.json") { settings in
            var text = settings["text_config"] as? [String: Any] ?? [:]
            text["max_position_embeddings"] = 1
            settings["text_config"] = text
        }
        try expectOneProblem(narrow, "a context of 1")
    }

    private func expectOneProblem(_ folder: TemporaryFolder, _ word: String) throws {
        let problems = CheckpointInspection(of: folder.path).problems
        #expect(problems.count == 1 && problems[0].contains(word), "\(problems)")
        var failure = "loaded"
        do { _ = try ModelLoader.load(folder.path, backend: CPUBackend(threads: 1)) } catch { failure = "\(error)" }
        #expect(failure == problems.first)
    }

    @Test(arguments: [
        #""model.text_model.embed_tokens.weight":{"dtype":"F32","shape":[144115188075855872,0],"data_offsets":[0,0]}"#,
        #""model.text_model.embed_tokens.weight":{"dtype":"Q9","shape":[4611686018427387904],"data_offsets":[0,0]}"#,
        #""lm_head.weight":{"dtype":"F32","shape":[144115188075855872,0],"data_offsets":[0,0]}"#,
        #""a":{"dtype":"Q9","shape":[4611686018427387904],"data_offsets":[0,0]},"#
            + #""b":{"dtype":"Q9","shape":[4611686018427387904],"data_offsets":[0,0]}"#,
    ])
    func `tensors of unbelievable size are a problem, not the end of the process`(_ entries: String) throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        try folder.write(SafetensorsBytes.file(header: "{\(entries)}", data: 0), to: "model.safetensors")
        let inspection = CheckpointInspection(of: folder.path)
        #expect(inspection.problems.count == 1 && inspection.problems[0].contains("model.safetensors"))
    }

    @Test func `names in a checkpoint cannot steer the terminal`() throws {
        let folder = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        let entry = #""evil\u001b[2J\nproblem: none\u202e":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#
        try folder.write(SafetensorsBytes.file(header: "{\(entry)}", data: 0), to: "model.safetensors")
        try folder.edit("config.json") { $0["architectures"] = ["SmolVLMForConditionalGeneration", "\u{7}"] }
        let report = CheckpointInspection(of: folder.path).report
        #expect(report.contains(#"evil\u{1B}[2J\u{A}problem: none\u{202E}"#))
        #expect(!report.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value == 0x202E })
    }

    @Test func `no folder, no known architecture, wrong sizes and absent files are problems in words`() throws {
        #expect(CheckpointInspection(of: "/nowhere").problems.contains { $0.contains("/nowhere/config.json") })

        let unknown = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        try unknown.edit("config.json") { $0["architectures"] = ["MllamaForConditionalGeneration"] }
        let inspection = CheckpointInspection(of: unknown.path)
        #expect(inspection.family == nil && inspection.parameters > 0)
        #expect(inspection.problems.count == 1 && inspection.problems[0].contains("MllamaForConditionalGeneration"))
        #expect(inspection.problems[0].contains("Idefics3ForConditionalGeneration"))
        #expect(inspection.report.contains("Docent cannot run it"))

        let resized = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        try resized.edit("config.json") { settings in
            var text = settings["text_config"] as? [String: Any] ?? [:]
            text["num_hidden_layers"] = 3
            text["intermediate_size"] = 65
            settings["text_config"] = text
        }
        let problems = CheckpointInspection(of: resized.path).problems
        #expect(problems.contains { $0.contains("model.text_model.layers.2.") })
        #expect(problems.contains { $0.contains("mlp.down_proj.weight") && $0.contains("[32, 65]") })

        let bare = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        for name in ["tokenizer.json", "chat_template.jinja"] {
            try FileManager.default.removeItem(atPath: bare.path + "/" + name)
        }
        let absent = CheckpointInspection(of: bare.path).problems
        #expect(absent.count == 2)
        #expect(absent[0].contains("tokenizer.json") && absent[1].contains("chat_template.jinja"))
    }
}
