/// How a format packs whole numbers into words, and what its tensors are called.
struct IntegerLayout: Hashable, Sendable {
    enum Order: Hashable, Sendable {
        /// A word holds inputs that follow one another, the first in the lowest bits: codes [inputs / n, outputs], scales [groups,
        /// outputs], zeros [groups, outputs / n] (Frantar et al. 2022, arXiv:2210.17323).
        ///
        /// `storesOneLess`: the format's first version stores each zero less one, `gptq_v2` as it is.
        case gptq(storesOneLess: Bool)
        /// A word holds outputs, the even ones of its eight in the lower half: codes [inputs, outputs / 8], scales [groups,
        /// outputs], zeros [groups, outputs / 8] in the same order (Lin et al. 2023, arXiv:2306.00978; the `gemm` version).
        case awq
        /// compressed-tensors' `pack-quantized`: signed numbers stored with half of their range added; codes [outputs, inputs / n],
        /// scales [outputs, groups], zeros [outputs / n, groups], the last words padded.
        case rows

        var names: (codes: String, scale: String, zero: String, groupIndex: String) {
            switch self {
            case .gptq, .awq: ("qweight", "scales", "qzeros", "g_idx")
            case .rows: ("weight_packed", "weight_scale", "weight_zero_point", "weight_g_idx")
            }
        }
    }

    let order: Order
    /// Of a code: 4 or 8.
    let bits: Int
    /// Inputs that share a scale; nil for all.
    let groupSize: Int?
    /// Whether zeros are stored; else all are the middle of the codes.
    let hasZeros: Bool
    /// Whether inputs of a group do not follow one another (act-order), so that nothing is right without the index.
    let needsGroupIndex: Bool

    var codesInWord: Int { 32 / bits }

    /// The code that stands for 0 where no zeros are stored.
    var middle: Float { Float(1 << (bits - 1)) }

    /// Words that hold `count` codes.
    func words(_ count: Int) -> Int { (count - 1) / codesInWord + 1 }

    /// AWQ's place of each of eight outputs in a word: it holds outputs 0, 2, 4, 6, 1, 3, 5, 7 from the lowest bits up.
    private static let interleaved: [UInt8] = [0, 16, 4, 20, 8, 24, 12, 28]

    func places(ofCodesIn tensor: StoredTensor, shape: [Int]) -> CodePlaces {
        let inWord = (0..<codesInWord).map { UInt8($0 * bits) }
        return switch order {
        case .gptq: CodePlaces(tensor, bits, inWord, axis: .second, rowWords: 1, columnWords: shape[0])
        case .awq: CodePlaces(tensor, bits, Self.interleaved, axis: .first, rowWords: 1, columnWords: words(shape[0]))
        case .rows: CodePlaces(tensor, bits, inWord, axis: .second, rowWords: words(shape[1]), columnWords: 1)
        }
    }

    /// Zeros by output and group; words hold outputs in every format.
    func places(ofZerosIn tensor: StoredTensor, outputs: Int, groups: Int) -> CodePlaces {
        let inWord = order == .awq ? Self.interleaved : (0..<codesInWord).map { UInt8($0 * bits) }
        return order == .rows
            ? CodePlaces(tensor, bits, inWord, axis: .first, rowWords: groups, columnWords: 1)
            : CodePlaces(tensor, bits, inWord, axis: .first, rowWords: 1, columnWords: words(outputs))
    }
}

/// Where each code of a matrix lies in its words.
struct CodePlaces {
    /// The axis along which codes share a word.
    enum Axis { case first, second }

    private let bytes: UnsafeRawBufferPointer
    private let mask: UInt32
    /// How far up in its word each code begins.
    private let shifts: [UInt8]
    private let axis: Axis
    private let rowWords: Int
    private let columnWords: Int
    private let codesInWordShift: Int

    /// `rowWords`, `columnWords`: from one word to the next along the first and the second axis.
    init(
        _ tensor: StoredTensor, _ bits: Int, _ shifts: [UInt8], axis: Axis, rowWords: Int, columnWords: Int
    ) {
        bytes = tensor.bytes
        mask = UInt32(1) << UInt32(bits) - 1
        self.shifts = shifts
        self.axis = axis
        self.rowWords = rowWords
        self.columnWords = columnWords
        codesInWordShift = shifts.count.trailingZeroBitCount
    }

    func code(_ row: Int, _ column: Int) -> UInt32 {
        let packed = axis == .first ? row : column
        let (word, place) = (packed >> codesInWordShift, packed & (shifts.count - 1))
        let index = axis == .first ? word * rowWords + column * columnWords : row * rowWords + word * columnWords
        let bits = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
        return bits >> UInt32(shifts[place]) & mask
    }
}
