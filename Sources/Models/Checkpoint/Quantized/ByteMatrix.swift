/// A matrix of one byte a weight: compressed-tensors' `float-quantized` and `int-quantized`, ModelOpt's FP8, and FP8 in
/// blocks. Weight = code's value · scale.
struct ByteMatrix: QuantizedMatrix {
    enum Code: Hashable, Sendable {
        case e4m3, int8

        var typeName: String { self == .e4m3 ? "F8_E4M3" : "I8" }

        /// The value of each byte.
        fileprivate var values: [Float] {
            self == .e4m3 ? E4M3.values : (UInt8.min...UInt8.max).map { Float(Int8(bitPattern: $0)) }
        }
    }

    /// What has a scale of its own.
    enum Granularity: Hashable, Sendable {
        /// The matrix: a scalar.
        case matrix
        /// Each output: [outputs, 1] or [outputs].
        case output
        /// Each block of `rows` × `columns`, those at the edges cut off: [⌈outputs / rows⌉, ⌈inputs / columns⌉].
        case block(rows: Int, columns: Int)
    }

    let codes: StoredTensor
    private let scale: StoredTensor
    private let code: Code
    private let granularity: Granularity

    var shape: [Int] { codes.shape }

    /// `scale` is what its name ends in: blocks have `weight_scale_inv`, which is multiplied with like all others.
    init(_ module: QuantizedModule, _ code: Code, scale: String, _ granularity: Granularity) throws {
        codes = try module.part("weight")
        self.scale = try module.part(scale)
        self.code = code
        self.granularity = granularity
        try codes.expectMatrix(of: code.typeName)
        try self.scale.expectScales()
        let (outputs, inputs) = (codes.shape[0], codes.shape[1])
        switch granularity {
        case .matrix: if self.scale.shape != [] { try self.scale.expect(shape: [1]) }
        case .output: if self.scale.shape != [outputs] { try self.scale.expect(shape: [outputs, 1]) }
        case .block(let rows, let columns):
            try self.scale.expect(shape: [(outputs - 1) / rows + 1, (inputs - 1) / columns + 1])
        }
    }

    func tileValues() throws -> TileValues {
        let (scales, values) = (try scale.scales(), code.values)
        let (outputs, inputs) = (shape[0], shape[1])
        let (blockRows, blockColumns) =
            switch granularity {
            case .matrix: (outputs, inputs)
            case .output: (1, inputs)
            case .block(let rows, let columns): (rows, columns)
            }
        let blocksAcross = (inputs - 1) / blockColumns + 1
        let bytes = codes.bytes
        return { tile, target in
            values.withUnsafeBufferPointer { values in
                for row in tile.rows {
                    let (source, firstScale) = (row * inputs, row / blockRows * blocksAcross)
                    let line = target + (row - tile.rows.lowerBound) * MatrixTile.stride - tile.columns.lowerBound
                    var column = tile.columns.lowerBound
                    while column < tile.columns.upperBound {
                        let block = column / blockColumns
                        let end = min((block + 1) * blockColumns, tile.columns.upperBound)
                        let scale = scales[firstScale + block]
                        for column in column..<end { line[column] = values[Int(bytes[source + column])] * scale }
                        column = end
                    }
                }
            }
        }
    }
}
