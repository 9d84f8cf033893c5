import Compute
import Foundation
import Testing

@testable import Models

/// Matrices of several tiles, made of the goldens' by repetition.
struct LargeMatrixTests {
    private static let (times, across) = (5, 6)

    /// A part repeated along the outputs and the inputs, where it has them: `axes` names what its dimensions are.
    private func repeated(_ part: StoredBytes, axes: String) -> StoredBytes {
        guard part.shape.count == 2 else { return part }
        let counts = axes.map { $0 == "o" ? Self.times : $0 == "i" ? Self.across : 1 }
        let rowBytes = part.bytes.count / part.shape[0]
        let rows = (0..<part.shape[0]).map { Array(part.bytes[$0 * rowBytes..<($0 + 1) * rowBytes]) }
        let wide = rows.flatMap { row in (0..<counts[1]).flatMap { _ in row } }
        return StoredBytes(
            type: part.type, shape: [part.shape[0] * counts[0], part.shape[1] * counts[1]],
            bytes: (0..<counts[0]).flatMap { _ in wide })
    }

    /// What the dimensions of each part are: outputs, inputs (or groups of them), or neither.
    @Test(arguments: [
        ("fp8-channel", ["weight": "oi", "weight_scale": "o1"]),
        ("int8-channel", ["weight": "oi", "weight_scale": "o1"]),
        ("nvfp4-modelopt", ["weight": "oi", "weight_scale": "oi", "weight_scale_2": ""]),
        ("awq", ["qweight": "io", "scales": "io", "qzeros": "io"]),
        ("gptq", ["qweight": "io", "scales": "io", "qzeros": "io"]),
        ("gptq-act-order", ["qweight": "io", "scales": "io", "qzeros": "io", "g_idx": ""]),
        (
            "int4-act-order",
            ["weight_packed": "oi", "weight_scale": "oi", "weight_zero_point": "oi", "weight_g_idx": ""]
        ),
        ("int4-symmetric", ["weight_packed": "oi", "weight_scale": "oi"]),
    ])
    func `a matrix that repeats is dequantised to values that repeat`(_ name: String, _ axes: [String: String]) throws {
        var checkpoint = try QuantizedCheckpoint(name)
        checkpoint.settings["ignore"] = [String]()
        let golden = try #require(checkpoint.goldens[checkpoint.module + ".weight"])
        let shape = [golden.shape[0] * Self.times, golden.shape[1] * Self.across]
        var parts: [String: StoredBytes] = [:]
        for (part, dimensions) in axes { parts[part] = repeated(try #require(checkpoint[part]), axes: dimensions) }
        for part in ["g_idx", "weight_g_idx"] {
            guard let index = parts[part] else { continue }
            let groups = index.bytes.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
            let all = (0..<Self.across).flatMap { turn in groups.map { $0 + Int32(turn * 3) } }
            parts[part] = StoredBytes("I32", [all.count], all)
        }
        if name.hasPrefix("int4") { parts["weight_shape"] = StoredBytes("I64", [2], shape.map(Int64.init)) }
        #expect(try QuantizedCheckpoint.matrix(checkpoint.settings, parts, shape) == repeated(golden, axes: "oi"))
    }

    @Test(arguments: [(128, 128), (100, 300), (1, 1), (1_000, 7)])
    func `blocks of any size have their own scales across tiles`(_ rows: Int, _ columns: Int) throws {
        let (outputs, inputs) = (200, 530)
        let across = (inputs - 1) / columns + 1
        let codes = (0..<outputs * inputs).map { UInt8(truncatingIfNeeded: $0 * 37 % 127) }
        let scales = (0..<((outputs - 1) / rows + 1) * across).map { 0.01 + Float($0 % 101) / 512 }
        let found = try QuantizedCheckpoint.matrix(
            ["quant_method": "fp8", "weight_block_size": [rows, columns]],
            [
                "weight": StoredBytes("F8_E4M3", [outputs, inputs], codes),
                "weight_scale_inv": StoredBytes("F32", [scales.count / across, across], scales.map(\.bitPattern)),
            ], [outputs, inputs])
        let expected = codes.indices.map { index in
            Float16(E4M3.values[Int(codes[index])] * scales[index / inputs / rows * across + index % inputs / columns])
        }
        #expect(found == StoredBytes("F16", [outputs, inputs], expected.map(\.bitPattern)))
    }

    @Test func `rows that end within a word`() throws {
        let (outputs, inputs) = (130, 523)
        let words = (inputs - 1) / 8 + 1
        let packed = (0..<outputs * words).map { UInt32(truncatingIfNeeded: $0 &* 0x9E37_79B9) }
        var settings = try QuantizedCheckpoint("int4-symmetric")
        settings.setWeightArgument("strategy", "channel")
        let found = try QuantizedCheckpoint.matrix(
            settings.settings,
            [
                "weight_packed": StoredBytes("I32", [outputs, words], packed),
                "weight_shape": StoredBytes("I32", [2], [Int32(outputs), Int32(inputs)]),
                "weight_scale": StoredBytes(
                    "F32", [outputs, 1], (0..<outputs).map { (Float($0 + 1) / 64).bitPattern }),
            ], [outputs, inputs])
        let expected = (0..<outputs).flatMap { row in
            (0..<inputs).map { column in
                let code = packed[row * words + column / 8] >> UInt32(column % 8 * 4) & 15
                return Float16((Float(code) - 8) * Float(row + 1) / 64).bitPattern
            }
        }
        #expect(found == StoredBytes("F16", [outputs, inputs], expected))
    }
}
