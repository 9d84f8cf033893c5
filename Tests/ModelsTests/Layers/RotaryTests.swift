import Testing

@testable import Models

struct RotaryTests {
    private func configuration(_ members: [String: JSONValue]) throws -> Rotary.Configuration {
        try Rotary.Configuration(Settings(file: "config.json", path: "text_config", members: members))
    }

    @Test func `Llama 3 scaling gives the reference's frequencies`() {
        let scaling = Rotary.Scaling.llama3(factor: 8, lowFrequency: 1, highFrequency: 4, originalContext: 8192)
        let rotary = Rotary(.init(theta: 500_000, scaling: scaling), headSize: 128)
        let expected: [(Int, Float)] = [
            (0, 1), (1, 0.814617217), (10, 0.128687382), (28, 0.00321144611), (29, 0.00216657063), (30, 0.00137189368),
            (31, 0.00085675146), (32, 0.000524846022), (33, 0.00031269365), (34, 0.000178507791), (35, 9.55621217e-05),
            (36, 7.78465546e-05), (63, 3.06892588e-07),
        ]
        #expect(rotary.frequencies.count == 64)
        for (pair, value) in expected { #expect(abs(rotary.frequencies[pair] / value - 1) < 1e-6, "pair \(pair)") }
    }

    @Test func `linear scaling divides every frequency`() {
        let plain = Rotary(.init(theta: 10_000, scaling: .none), headSize: 16).frequencies
        let scaled = Rotary(.init(theta: 10_000, scaling: .linear(factor: 4)), headSize: 16).frequencies
        #expect(scaled == plain.map { $0 / 4 })
        #expect(plain[0] == 1 && plain.last ?? 0 > 3e-4)
    }

    @Test func `settings are found in all three places`() throws {
        let llama3: [String: JSONValue] = [
            "factor": .number(8), "low_freq_factor": .integer(1), "high_freq_factor": .number(4),
            "original_max_position_embeddings": .integer(8192),
        ]
        let expected = Rotary.Configuration(
            theta: 5e5,
            scaling: .llama3(factor: 8, lowFrequency: 1, highFrequency: 4, originalContext: 8192))
        let new = llama3.merging(["rope_type": .string("llama3"), "rope_theta": .integer(500_000)]) { $1 }
        #expect(try configuration(["rope_parameters": .object(JSONObject(new))]) == expected)
        let old = llama3.merging(["type": .string("llama3")]) { $1 }
        #expect(try configuration(["rope_theta": .number(5e5), "rope_scaling": .object(JSONObject(old))]) == expected)
        let mixed = llama3.merging(["rope_type": .string("llama3")]) { $1 }
        #expect(
            try configuration(["rope_theta": .number(5e5), "rope_parameters": .object(JSONObject(mixed))]) == expected)
        #expect(try configuration(["rope_theta": .integer(10_000), "rope_scaling": .null]).scaling == .none)
    }

    @Test func `no theta anywhere is an error, not a default`() {
        let error = #expect(throws: ModelError.self) { try configuration(["hidden_size": .integer(8)]) }
        #expect(error?.description.contains("text_config.rope_theta") == true)
    }

    @Test func `scaling that is not implemented is an error that says what is`() {
        let yarn = JSONValue.object(["rope_type": .string("yarn"), "factor": .integer(4)])
        let error = #expect(throws: ModelError.self) {
            try configuration(["rope_theta": .integer(10_000), "rope_scaling": yarn])
        }
        #expect(error?.description.contains("llama3") == true)
    }
}
