/// Where each code of a matrix lies in its words.
struct CodePlaces {
    /// The axis along which codes share a word.
    enum Axis { case first, second }

    private let bytes: UnsafeRawBufferPointer
    private let bits: Int
    /// Which of its word's codes each is along the axis, from the lowest bits up.
    private let order: [Int]
    private let axis: Axis
    /// From one word to the next along each axis, in words.
    private let (rowWords, columnWords): (Int, Int)

    init(_ tensor: StoredTensor, bits: Int, order: [Int], axis: Axis, rowWords: Int, columnWords: Int) {
        bytes = tensor.bytes
        self.bits = bits
        self.order = order
        self.axis = axis
        (self.rowWords, self.columnWords) = (rowWords, columnWords)
    }

    private var mask: UInt32 { UInt32(1) << UInt32(bits) - 1 }

    func code(_ row: Int, _ column: Int) -> UInt32 {
        let (index, code) = (axis == .first ? row : column).quotientAndRemainder(dividingBy: order.count)
        let stored =
            axis == .first ? word(index * rowWords + column * columnWords) : word(row * rowWords + index * columnWords)
        let place = order.firstIndex(of: code) ?? 0
        return stored >> UInt32(place * bits) & mask
    }

    /// Writes the codes of a tile, which begins at a whole word, word by word in about the order that they lie in.
    ///
    /// The last word of a row may hold more than the row: the rest goes to where no row lies.
    func unpack(_ tile: MatrixTile, into target: UnsafeMutablePointer<Float>) {
        let (length, step) = (order.count, MatrixTile.stride)
        let codeStep = axis == .first ? step : 1
        let (rowLength, columnLength) = axis == .first ? (length, 1) : (1, length)
        let rows = (tile.rows.count - 1) / rowLength + 1
        let columns = (tile.columns.count - 1) / columnLength + 1
        let first = tile.rows.lowerBound / rowLength * rowWords + tile.columns.lowerBound / columnLength * columnWords
        let (bits, mask) = (UInt32(bits), mask)
        func spread(_ row: Int, _ column: Int, _ places: UnsafeBufferPointer<Int>) {
            var rest = word(first &+ row &* rowWords &+ column &* columnWords)
            let place = target + (row &* rowLength &* step &+ column &* columnLength)
            for index in places.indices {
                place[places[index]] = Float(Int32(truncatingIfNeeded: rest & mask))
                rest &>>= bits
            }
        }
        order.map { $0 * codeStep }.withUnsafeBufferPointer { places in
            if rowWords < columnWords {
                for column in 0..<columns { for row in 0..<rows { spread(row, column, places) } }
            } else {
                for row in 0..<rows { for column in 0..<columns { spread(row, column, places) } }
            }
        }
    }

    private func word(_ index: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self))
    }
}
