import CKernels

/// Weighted sums of 8-bit samples along one axis of an image of three interleaved channels: the loops of resampling.
///
/// Exact: sums are 32-bit integers with `fractionBits` bits of fraction, rounded and clamped to 8 bits, on every machine.
public struct SampleMixing: Sendable {
    private let starts: [Int]
    private let counts: [Int]
    private let weights: [Int32]
    private let stride: Int
    private let fractionBits: Int32

    /// Output i is the sum of inputs `starts[i] ..< starts[i] + counts[i]`, each times its weight of those from
    /// `i * stride` on; unused weights are 0, and no sum may leave 32 bits.
    public init(starts: [Int], counts: [Int], weights: [Int32], stride: Int, fractionBits: Int32) {
        precondition(starts.count == counts.count && weights.count == starts.count * stride, "weights of another shape")
        precondition(counts.allSatisfy { 0...stride ~= $0 } && 1...30 ~= fractionBits, "weights that do not fit")
        self.starts = starts
        self.counts = counts
        self.weights = weights
        self.stride = stride
        self.fractionBits = fractionBits
    }

    private var inputs: Int { zip(starts, counts).map { $0 + $1 }.max() ?? 0 }

    /// Each of `height` rows along itself: [height, width] pixels → [height, outputs].
    public func alongRows(_ source: [UInt8], width: Int, height: Int) -> [UInt8] {
        precondition(source.count == width * height * 3 && inputs <= width, "rows of \(width) pixels do not fit")
        let line = starts.count * 3
        return mix(source, lines: (width * 3, line), count: height * line) { kernels, mix in
            kernels.mix_pixels(&mix, 0, Int64(height))
        }
    }

    /// Whole rows of `width` pixels: [height, width] → [outputs, width].
    public func acrossRows(_ source: [UInt8], width: Int, height: Int) -> [UInt8] {
        precondition(source.count == width * height * 3 && inputs <= height, "\(height) rows do not fit")
        let line = width * 3
        return mix(source, lines: (line, line), count: starts.count * line) { kernels, mix in
            kernels.mix_lines(&mix, 0, mix.outputs)
        }
    }

    private func mix(
        _ source: [UInt8], lines: (source: Int, target: Int), count: Int,
        _ run: (docent_kernels, inout docent_mix) -> Void
    ) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { target, written in
            source.withUnsafeBufferPointer { source in
                starts.withUnsafeBufferPointer { starts in
                    counts.withUnsafeBufferPointer { counts in
                        weights.withUnsafeBufferPointer { weights in
                            var mix = docent_mix()
                            mix.source = source.baseAddress
                            mix.target = target.baseAddress
                            mix.source_stride = Int64(lines.source)
                            mix.target_stride = Int64(lines.target)
                            mix.starts = starts.baseAddress
                            mix.counts = counts.baseAddress
                            mix.weights = weights.baseAddress
                            mix.stride = Int64(stride)
                            mix.outputs = Int64(starts.count)
                            mix.fraction_bits = fractionBits
                            run(InstructionSet.preferred.kernels, &mix)
                        }
                    }
                }
            }
            written = count
        }
    }
}
