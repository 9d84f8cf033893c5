/// How the matrices of a quantised checkpoint are stored.
enum QuantizedLayout: Hashable, Sendable {
    case bytes(ByteMatrix.Code, scale: String, ByteMatrix.Granularity)
    case integers(IntegerLayout)
    case fp4(FP4Matrix.Style)

    /// What the name of a matrix's codes ends in.
    var codes: String {
        switch self {
        case .bytes: "weight"
        case .integers(let layout): layout.order.names.codes
        case .fp4(let style): style.codes
        }
    }

    /// What the names of all parts of a matrix end in.
    var parts: [String] {
        switch self {
        case .bytes(_, let scale, _): ["weight", scale]
        case .integers(let layout):
            [layout.order.names.codes, layout.order.names.scale, layout.order.names.groupIndex]
                + (layout.hasZeros ? [layout.order.names.zero] : []) + (layout.order == .rows ? ["weight_shape"] : [])
        case .fp4(let style): [style.codes, "weight_scale", style.globalScale]
        }
    }

    /// Whether a tensor that is called as codes are is a matrix's codes: those of FP8 are called as plain weights.
    func areCodes(_ tensor: StoredTensor) -> Bool { codes != "weight" || tensor.type.computeType == nil }

    func matrix(_ module: QuantizedModule) throws -> any QuantizedMatrix {
        switch self {
        case .bytes(let code, let scale, let granularity): try ByteMatrix(module, code, scale: scale, granularity)
        case .integers(let layout): try IntegerMatrix(module, layout)
        case .fp4(let style): try FP4Matrix(module, style)
        }
    }
}

extension QuantizedLayout: CustomStringConvertible {
    /// "FP8 (E4M3) with a scale for each output".
    var description: String {
        switch self {
        case .bytes(let code, _, let granularity):
            (code == .e4m3 ? "FP8 (E4M3)" : "8-bit integers") + " with a scale for each \(granularity)"
        case .integers(let layout):
            "\(layout.bits)-bit integers with a scale for each "
                + (layout.groupSize.map { "\($0) inputs" } ?? "output")
                + (layout.needsGroupIndex ? ", in act-order" : "")
        case .fp4: "FP4 (E2M1) with a scale for each 16 inputs (NVFP4)"
        }
    }
}

extension ByteMatrix.Granularity: CustomStringConvertible {
    var description: String {
        switch self {
        case .matrix: "matrix"
        case .output: "output"
        case .block(let rows, let columns): "block of \(rows) × \(columns)"
        }
    }
}
