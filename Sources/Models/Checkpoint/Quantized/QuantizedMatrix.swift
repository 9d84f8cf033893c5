import Compute

/// A part of a matrix: some rows, and of these some columns.
struct MatrixTile {
    let rows: Range<Int>
    let columns: Range<Int>

    /// From one row of its values to the next: not a power of two, because rows that are one would share the few places that a
    /// cache has for them, which makes filling a tile column by column twice as slow.
    static let stride = mostColumns + 16
    /// 128 outputs are a line of memory where AWQ packs eight of them into a word; the values stay in a core's own cache.
    static let mostRows = 128
    static let mostColumns = 256
}

/// Writes the values of a tile to an array of its own, in rows that lie `MatrixTile.stride` apart.
typealias TileValues = (MatrixTile, UnsafeMutablePointer<Float>) -> Void

/// A weight matrix as a quantised checkpoint stores it: codes, and scales that turn them into values.
///
/// Initialisers check names, types and shapes, which an audit needs; what scales and indices hold is read when the matrix is.
protocol QuantizedMatrix: Sendable {
    /// Where the codes lie.
    var codes: StoredTensor { get }
    /// [outputs, inputs].
    var shape: [Int] { get }
    /// Reads the scales once. The values are the format's products in f32, rounded once where they do not fit.
    func tileValues() throws -> TileValues
}

extension QuantizedMatrix {
    /// The matrix in host memory, as f16 unless its values ask for f32.
    ///
    /// Hardly any product is exact in 16 bits: E4M3 has 4 significant bits, E2M1 times its scale 6, a difference of 4-bit codes 5,
    /// and scales have 8 (bf16), 11 (f16) or 24 (f32). f16 keeps 11 bits of them, bf16 8: rounding to f16 costs 2⁻¹² of a weight
    /// at most, where E4M3 itself cost up to 2⁻⁴ and 4 bits more. For codes with f16 scales it is also the very
    /// arithmetic of AWQ's and GPTQ's own kernels. f16 lacks bf16's range: where the largest weight is beyond 65,504,
    /// or so small that steps of 2⁻²⁴ are more than 2⁻¹¹ of it, the matrix becomes f32, exact but twice as large.
    func dequantized() throws -> Tensor {
        let values = try tileValues()
        let half = Tensor.host(shape: shape, type: .f16)
        let target = half.bytes.bindMemory(to: UInt16.self).baseAddress
        var largestBits: UInt32 = 0
        forEachRow(values) { source, count, offset in
            guard let target else { return }
            largestBits = max(largestBits, HalfRounding.round(source, count, into: target + offset))
        }
        let largest = Float(bitPattern: largestBits)
        guard largest.isFinite else { throw codes.failure("a weight is infinite or no number") }
        if largest == 0 || (0x1p-13...HalfRounding.largest).contains(largest) { return half }
        return single(values)
    }

    private func single(_ values: TileValues) -> Tensor {
        let single = Tensor.host(shape: shape, type: .f32)
        let target = single.bytes.bindMemory(to: Float.self).baseAddress
        forEachRow(values) { source, count, offset in target?.advanced(by: offset).update(from: source, count: count) }
        return single
    }

    /// Calls `take` for each row of each tile: its values, how many there are, and where in the matrix they begin.
    private func forEachRow(_ values: TileValues, _ take: (UnsafePointer<Float>, Int, Int) -> Void) {
        let (outputs, inputs) = (shape[0], shape[1])
        withUnsafeTemporaryAllocation(of: Float.self, capacity: MatrixTile.mostRows * MatrixTile.stride) { buffer in
            guard let scratch = buffer.baseAddress else { return }
            for row in stride(from: 0, to: outputs, by: MatrixTile.mostRows) {
                for column in stride(from: 0, to: inputs, by: MatrixTile.mostColumns) {
                    let tile = MatrixTile(
                        rows: row..<min(row + MatrixTile.mostRows, outputs),
                        columns: column..<min(column + MatrixTile.mostColumns, inputs))
                    values(tile, scratch)
                    let width = tile.columns.count
                    for index in 0..<tile.rows.count {
                        take(scratch + index * MatrixTile.stride, width, (row + index) * inputs + column)
                    }
                }
            }
        }
    }
}
