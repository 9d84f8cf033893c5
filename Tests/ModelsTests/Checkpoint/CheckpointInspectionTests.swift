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

    @Test func `no folder, no known architecture, wrong sizes and absent files are problems in words`() throws {
        #expect(CheckpointInspection(of: "/nowhere").problems.contains { $0.contains("/nowhere/config.json") })

        let unknown = try TemporaryFolder(copyOf: CheckpointFixtures.smolVLM)
        try unknown.edit("config.json") { $0["architectures"] = ["LlavaForConditionalGeneration"] }
        let inspection = CheckpointInspection(of: unknown.path)
        #expect(inspection.family == nil && inspection.parameters > 0)
        #expect(inspection.problems.count == 1 && inspection.problems[0].contains("LlavaForConditionalGeneration"))
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
