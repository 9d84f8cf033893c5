import Compute
import Testing

@testable import Models

/// The published sizes.
struct QwenVLConfigurationTests {
    private func parameters(_ folder: String, _ generation: QwenVLConfiguration.Generation) throws -> Int {
        let path = DocentMiniTests.repository + "/Tests/Fixtures/configurations/\(folder)/config.json"
        let configuration = try QwenVLConfiguration(Settings(contentsOf: path), generation)
        #expect(configuration.imageToken == 151_655 && configuration.text.headSize == 128)
        let audit = Weights.auditing(RandomTensors(type: .bf16, absent: ["lm_head.weight"]))
        try QwenVL.audit(audit, configuration)
        #expect(audit.problems.isEmpty)
        return audit.parameterCount
    }

    /// 3.09 and 0.67, 4.02 and 0.41 thousand million.
    @Test func `configurations of published sizes have the published numbers of parameters`() throws {
        #expect(try 3_740_000_000..<3_770_000_000 ~= parameters("qwen2.5-vl-3b", .qwen25))
        #expect(try 4_400_000_000..<4_460_000_000 ~= parameters("qwen3-vl-4b", .qwen3))
    }
}
