/// The greatest of some logits.
///
/// The first pass finds the value sixteen lanes at a time, the second the place, stopping at it: measured in DESIGN.md.
enum Argmax {
    /// The first place of the greatest value, or nil when there is none that is finite.
    static func of(_ logits: ArraySlice<Float>) -> (index: Int, value: Float)? {
        logits.withUnsafeBufferPointer { buffer in
            let greatest = greatest(in: buffer)
            guard greatest.isFinite, let index = buffer.firstIndex(of: greatest) else { return nil }
            return (index, greatest)
        }
    }

    /// −∞ when no value is a number.
    private static func greatest(in buffer: UnsafeBufferPointer<Float>) -> Float {
        let bytes = UnsafeRawBufferPointer(buffer)
        let width = 16
        let stride = width * MemoryLayout<Float>.stride
        var lanes = SIMD16<Float>(repeating: -.infinity)
        var offset = 0
        while offset + stride <= bytes.count {
            let values = bytes.loadUnaligned(fromByteOffset: offset, as: SIMD16<Float>.self)
            lanes.replace(with: values, where: values .> lanes)
            offset += stride
        }
        var greatest = lanes.max()
        for value in buffer[(offset / MemoryLayout<Float>.stride)...] where value > greatest { greatest = value }
        return greatest
    }
}
