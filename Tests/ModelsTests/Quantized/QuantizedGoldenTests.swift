import Compute
import Foundation
import Testing

@testable import Models

/// Every layout against Tests/Reference/quantized_tiny.py, which published packages agree with.
struct QuantizedGoldenTests {
    private let backend = CPUBackend(threads: 1)

    @Test(arguments: QuantizedCheckpoint.names)
    func `matrices are the reference's, bit for bit`(_ name: String) throws {
        let checkpoint = try QuantizedCheckpoint(name)
        #expect(checkpoint.goldens.count >= 4)
        #expect(try checkpoint.dequantized() == checkpoint.goldens)
    }

    @Test(arguments: QuantizedCheckpoint.names)
    func `logits and greedy tokens are those of the dequantised checkpoint`(_ name: String) throws {
        let checkpoint = try QuantizedCheckpoint(name)
        let (quantized, plain) = (try checkpoint.write(), try checkpoint.writeDequantized())
        let (found, expected) = (try answer(quantized, checkpoint), try answer(plain, checkpoint))
        #expect(found.logits == expected.logits && found.tokens == expected.tokens)
        #expect(Set(found.logits).count > 1_000)
        // What is not quantised would agree alone: the codes must matter.
        var changed = checkpoint
        changed[checkpoint.codesPart]?.bytes.reverse()
        #expect(try answer(changed.write(), checkpoint).logits != found.logits)
    }

    private func answer(_ folder: TemporaryFolder, _ checkpoint: QuantizedCheckpoint) throws -> (
        logits: [Float], tokens: [Int32]
    ) {
        let model = try ModelLoader.load(folder.path, backend: backend)
        let prompt = try checkpoint.prompt(model)
        let generation = try GreedyGeneration(prompt, length: 16, on: model.model, backend)
        return (
            try generation.prefill(logitRows: (0..<Int32(prompt.tokens.count)).map { $0 }), try generation.tokens(16)
        )
    }

    typealias Mutation = (name: String, mistake: String, change: @Sendable (inout QuantizedCheckpoint) -> Void)

    /// Eight nibbles in another order.
    private static func reorder(_ part: String, _ order: [UInt32]) -> @Sendable (inout QuantizedCheckpoint) -> Void {
        { checkpoint in
            checkpoint[part]?.map { (word: UInt32) in
                order.indices.reduce(0) { $0 | (word >> (4 * order[$1]) & 15) << UInt32(4 * $1) }
            }
        }
    }

    private static func inverse(_ part: String) -> @Sendable (inout QuantizedCheckpoint) -> Void {
        { $0[part]?.map { (bits: UInt32) in (1 / Float(bitPattern: bits)).bitPattern } }
    }

    /// Each makes the files what they would be if the reader made a plausible mistake.
    static let mutations: [Mutation] = [
        ("gptq", "zeros not less one", { $0.settings["checkpoint_format"] = "gptq_v2" }),
        ("gptq-8-bits", "zeros not less one", { $0.settings["checkpoint_format"] = "gptq_v2" }),
        ("gptq-act-order", "zeros less one", { $0.settings["checkpoint_format"] = "gptq" }),
        ("gptq", "words from the top", reorder("qweight", [7, 6, 5, 4, 3, 2, 1, 0])),
        ("gptq", "AWQ's order", reorder("qzeros", [0, 2, 4, 6, 1, 3, 5, 7])),
        (
            "gptq-act-order", "groups in order",
            { $0["g_idx"] = StoredBytes("I32", [96], (0..<96).map { Int32($0 / 32) }) }
        ),
        (
            "int4-act-order", "groups in order",
            { $0["weight_g_idx"] = StoredBytes("I32", [96], (0..<96).map { Int32($0 / 32) }) }
        ),
        ("awq", "codes in GPTQ's order", reorder("qweight", [0, 4, 1, 5, 2, 6, 3, 7])),
        ("awq", "zeros in GPTQ's order", reorder("qzeros", [0, 4, 1, 5, 2, 6, 3, 7])),
        ("int4-symmetric", "words from the top", reorder("weight_packed", [7, 6, 5, 4, 3, 2, 1, 0])),
        ("int4-act-order", "zeros along the other axis", { $0["weight_zero_point"]?.bytes.reverse() }),
        ("fp8-block", "a divisor", inverse("weight_scale_inv")),
        ("fp8-modelopt", "a divisor", inverse("weight_scale")),
        ("nvfp4-compressed", "a factor", inverse("weight_global_scale")),
        ("nvfp4-modelopt", "a divisor", inverse("weight_scale_2")),
        ("nvfp4-modelopt", "the high half first", { $0["weight"]?.map { (byte: UInt8) in byte << 4 | byte >> 4 } }),
        ("fp8-block", "blocks of another size", { $0.settings["weight_block_size"] = [16, 22] }),
    ]

    @Test(arguments: mutations.indices)
    func `each plausible mistake shows in the weights`(_ index: Int) throws {
        let mutation = Self.mutations[index]
        var checkpoint = try QuantizedCheckpoint(mutation.name)
        mutation.change(&checkpoint)
        let name = checkpoint.module + ".weight"
        #expect(try checkpoint.dequantized()[name] != checkpoint.goldens[name], "\(mutation.name): \(mutation.mistake)")
    }

    @Test func `the goldens hold every code of FP8 that is a number, negative zero and small values too`() {
        #expect(E4M3.values.filter(\.isNaN).count == 2 && E4M3.values[0x7F].isNaN && E4M3.values[0xFF].isNaN)
        #expect(E4M3.values[0x7E] == 448 && E4M3.values[0x01] == 0x1p-9 && E4M3.values[0x08] == 0x1p-6)
        #expect(E4M3.values[0x38] == 1 && E4M3.values[0xB9] == -1.125 && E4M3.values[0x80].sign == .minus)
        // From one code to the next values grow.
        #expect((0..<0x7E).allSatisfy { E4M3.values[$0] < E4M3.values[$0 + 1] })
    }

    @Test func `8-bit and 4-bit blocks are made of dequantised matrices`() throws {
        let checkpoint = try QuantizedCheckpoint("awq")
        let folder = try checkpoint.write()
        let plain = try answer(folder, checkpoint).logits
        for quantization in [LoadOptions.Quantization.q8, .q4] {
            let options = LoadOptions(quantization: quantization)
            let model = try ModelLoader.load(folder.path, backend: backend, options: options)
            let prompt = try checkpoint.prompt(model)
            let generation = try GreedyGeneration(prompt, length: 1, on: model.model, backend)
            let difference = relativeError(
                try generation.prefill(logitRows: (0..<Int32(prompt.tokens.count)).map { $0 }), plain)
            #expect(difference > 1e-4 && difference < (quantization == .q8 ? 0.05 : 0.5), "\(quantization)")
        }
    }

    @Test func `a matrix beyond the range of f16 becomes f32, and so does one of tiny weights`() throws {
        for factor in [Float(0x1p20), 0x1p-16] {
            var checkpoint = try QuantizedCheckpoint("fp8-modelopt")
            checkpoint["weight_scale"]?.map { (bits: UInt32) in (Float(bitPattern: bits) * factor).bitPattern }
            let name = checkpoint.module + ".weight"
            let found = try #require(try checkpoint.dequantized()[name])
            let expected = try #require(checkpoint.goldens[name])
            #expect(found.type == "F32" && expected.type == "F16")
            let singles = found.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
            let halves = expected.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float16.self)) }
            #expect(singles.map { Float16($0 / factor) } == halves)
        }
    }
}
