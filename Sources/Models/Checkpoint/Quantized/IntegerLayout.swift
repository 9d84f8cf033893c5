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

    /// What a word holds from its lowest bits up.
    private var sequence: [Int] { order == .awq ? [0, 2, 4, 6, 1, 3, 5, 7] : Array(0..<codesInWord) }

    /// The codes of a matrix of this shape.
    func places(ofCodesIn tensor: StoredTensor, shape: [Int]) -> CodePlaces {
        let (axis, rowWords, columnWords): (CodePlaces.Axis, Int, Int) =
            switch order {
            case .gptq: (.second, 1, shape[0])
            case .awq: (.first, 1, words(shape[0]))
            case .rows: (.second, words(shape[1]), 1)
            }
        return CodePlaces(
            tensor, bits: bits, order: sequence, axis: axis, rowWords: rowWords, columnWords: columnWords)
    }

    /// Zeros by output and group; words hold outputs in every format.
    func places(ofZerosIn tensor: StoredTensor, outputs: Int, groups: Int) -> CodePlaces {
        let (rowWords, columnWords) = order == .rows ? (groups, 1) : (1, words(outputs))
        return CodePlaces(
            tensor, bits: bits, order: sequence, axis: .first, rowWords: rowWords, columnWords: columnWords)
    }
}
