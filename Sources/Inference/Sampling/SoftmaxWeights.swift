/// Probabilities before they are divided by their sum: `exp(logit − greatest)` for a whole vocabulary.
///
/// Cephes' `expf` (range reduction by ln 2 in two parts, polynomial of degree 6, within 2 ulp) on sixteen lanes: a
/// vocabulary of 49 280 takes the C library's function about ten times as long, and sampling does it for every token.
enum SoftmaxWeights {
    /// Logits this far below the greatest weigh nothing; their exponentials would be subnormal.
    private static let lowest: Float = -87

    static func of(_ logits: ArraySlice<Float>, greatest: Float) -> [Float] {
        let width = 16
        let stride = width * MemoryLayout<Float>.stride
        return [Float](unsafeUninitializedCapacity: logits.count) { output, count in
            let target = UnsafeMutableRawBufferPointer(output)
            logits.withUnsafeBytes { source in
                var offset = 0
                while offset + stride <= source.count {
                    let values = source.loadUnaligned(fromByteOffset: offset, as: SIMD16<Float>.self)
                    target.storeBytes(
                        of: exponential(values - greatest), toByteOffset: offset, as: SIMD16<Float>.self)
                    offset += stride
                }
            }
            for index in logits.count / width * width..<logits.count {
                let value = logits[logits.startIndex + index] - greatest
                output[index] = exponential(SIMD16(repeating: value))[0]
            }
            count = logits.count
        }
    }

    /// The sum, added up in order and in double precision, so that it is the same every time.
    static func sum(of weights: [Float]) -> Double { weights.reduce(0) { $0 + Double($1) } }

    private static func exponential(_ x: SIMD16<Float>) -> SIMD16<Float> {
        // Adding 1.5 × 2²³ rounds to a whole number and leaves it in the low bits.
        let rounding: Float = 12_582_912
        let clamped = x.replacing(with: lowest, where: x .< lowest)
        let rounded = clamped * 1.442_695_04 + rounding
        let whole = rounded - rounding
        let rest = clamped - whole * 0.693_359_375 + whole * 2.121_944_4e-4
        var series = rest * 1.987_569_15e-4 + 1.398_199_950_7e-3
        series = series * rest + 8.333_451_907_3e-3
        series = series * rest + 4.166_579_589_4e-2
        series = series * rest + 1.666_666_545_9e-1
        series = series * rest + 5.000_000_120_1e-1
        let mantissa = series * rest * rest + rest + 1
        let exponent = unsafeBitCast(rounded, to: SIMD16<Int32>.self) &- Int32(bitPattern: rounding.bitPattern)
        let power = unsafeBitCast((exponent &+ 127) &<< 23, to: SIMD16<Float>.self)
        return (mantissa * power).replacing(with: 0, where: x .< lowest)
    }
}
