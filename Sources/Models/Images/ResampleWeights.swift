import Compute

/// For every output position along one axis: which input positions it mixes, and by how much.
struct ResampleWeights {
    /// First input position of each output position.
    let starts: [Int]
    /// Number of input positions of each output position.
    let counts: [Int]
    /// `stride` weights for each output position, the unused ones 0.
    let values: [Int32]
    let stride: Int

    /// 8 bits of result and 2 of headroom for overshoot leave 22 of 32 for the fraction.
    static let fractionBits: Int32 = 22

    init(from inputs: Int, to outputs: Int, filter: ResampleFilter) {
        let scale = Double(inputs) / Double(outputs)
        // Shrinking widens the kernel, so that every input pixel counts (antialiasing).
        let filterScale = max(scale, 1)
        let support = filter.support * filterScale
        // Whole vectors of weights.
        let stride = (Int(support.rounded(.up)) * 2 + 1 + 3) / 4 * 4
        var starts: [Int] = []
        var counts: [Int] = []
        var values = [Int32](repeating: 0, count: outputs * stride)
        for output in 0..<outputs {
            let centre = (Double(output) + 0.5) * scale
            let start = max(0, Int(centre - support + 0.5))
            let end = min(inputs, Int(centre + support + 0.5))
            let weights = (start..<end).map {
                filter.weight(at: (Double($0) - centre + 0.5) * (1 / filterScale))
            }
            let sum = weights.reduce(0, +)
            for (i, weight) in weights.enumerated() {
                values[output * stride + i] = Self.fixedPoint(sum == 0 ? weight : weight / sum)
            }
            starts.append(start)
            counts.append(end - start)
        }
        self.starts = starts
        self.counts = counts
        self.values = values
        self.stride = stride
    }

    var mixing: SampleMixing {
        SampleMixing(starts: starts, counts: counts, weights: values, stride: stride, fractionBits: Self.fractionBits)
    }

    private static func fixedPoint(_ weight: Double) -> Int32 {
        let scaled = weight * Double(1 << fractionBits)
        return Int32(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
    }
}
