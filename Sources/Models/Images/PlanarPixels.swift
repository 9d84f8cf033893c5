extension [RGBImage] {
    /// Planar values of frames of one size, [frames, 3, height, width]; `levels` gives the value of each 8-bit step, for
    /// each colour.
    func planar(levels: [[Float]]) -> [Float] {
        precondition(allSatisfy { $0.width == self[0].width && $0.height == self[0].height }, "frames of many sizes")
        precondition(levels.count == 3 && levels.allSatisfy { $0.count == 256 }, "a value for each step of each colour")
        guard let area = first.map({ $0.width * $0.height }) else { return [] }
        return [Float](unsafeUninitializedCapacity: count * 3 * area) { values, written in
            var next = 0
            for frame in self {
                frame.pixels.withUnsafeBufferPointer { pixels in
                    for colour in 0..<3 {
                        let levels = levels[colour]
                        levels.withUnsafeBufferPointer { levels in
                            var pixel = colour
                            for _ in 0..<area {
                                values[next] = levels[Int(pixels[pixel])]
                                next += 1
                                pixel += 3
                            }
                        }
                    }
                }
            }
            written = next
        }
    }
}
