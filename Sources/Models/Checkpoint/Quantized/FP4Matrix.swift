/// A matrix of two E2M1 floats a byte, the low half first, in groups of 16 inputs (NVFP4): weight = value · scale · global scale.
struct FP4Matrix: QuantizedMatrix {
    /// How one writer names and means the parts.
    enum Style: Hashable, Sendable {
        /// `weight`, `weight_scale`, `weight_scale_2`.
        case modelOpt
        /// `weight_packed`, `weight_scale`, and `weight_global_scale`, which divides.
        case compressedTensors

        var codes: String { self == .modelOpt ? "weight" : "weight_packed" }
        var globalScale: String { self == .modelOpt ? "weight_scale_2" : "weight_global_scale" }
    }

    static let groupSize = 16

    /// The value of each code: a sign, two bits of exponent with a bias of 1, one of fraction.
    private static let values: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]

    let codes: StoredTensor
    private let scale: StoredTensor
    private let globalScale: StoredTensor
    private let style: Style

    var shape: [Int] { [codes.shape[0], codes.shape[1] * 2] }

    init(_ module: QuantizedModule, _ style: Style) throws {
        self.style = style
        codes = try module.part(style.codes)
        scale = try module.part("weight_scale")
        globalScale = try module.part(style.globalScale)
        try codes.expectMatrix(of: "U8")
        guard shape[1].isMultiple(of: Self.groupSize) else {
            throw codes.failure("its \(shape[1]) inputs are not whole groups of \(Self.groupSize)")
        }
        try scale.expect(types: ["F8_E4M3"])
        try scale.expect(shape: [shape[0], shape[1] / Self.groupSize])
        try globalScale.expect(types: ["F32"])
        if globalScale.shape != [] { try globalScale.expect(shape: [1]) }
    }

    func tileValues() throws -> TileValues {
        let (scales, values) = (try scale.scales(), Self.values)
        let stored = try globalScale.scales()[0]
        let factor = style == .modelOpt ? stored : 1 / stored
        guard factor.isFinite else { throw globalScale.failure("it is \(stored), which nothing can be divided by") }
        let inputs = shape[1]
        let bytes = codes.bytes
        return { tile, target in
            values.withUnsafeBufferPointer { values in
                for row in tile.rows {
                    let line = target + (row - tile.rows.lowerBound) * MatrixTile.stride - tile.columns.lowerBound
                    // Tiles begin at whole groups.
                    for first in stride(from: tile.columns.lowerBound, to: tile.columns.upperBound, by: Self.groupSize)
                    {
                        let start = row * inputs + first
                        let scale = scales[start / Self.groupSize]
                        for pair in 0..<Self.groupSize / 2 {
                            let byte = bytes[start / 2 + pair]
                            // The first product is exact: two significant bits times four.
                            line[first + 2 * pair] = values[Int(byte & 15)] * scale * factor
                            line[first + 2 * pair + 1] = values[Int(byte >> 4)] * scale * factor
                        }
                    }
                }
            }
        }
    }
}
