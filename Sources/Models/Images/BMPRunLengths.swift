/// Expands RLE4 and RLE8: pairs of a count and a value, and behind a count of 0 an escape.
///
/// Runs beyond the right edge or above the top are cut off there; what no run covers stays index 0.
struct BMPRunLengths {
    let bytes: [UInt8]
    var position: Int
    let isRLE4: Bool

    private var x = 0
    private var y = 0

    init(bytes: [UInt8], position: Int, isRLE4: Bool) {
        self.bytes = bytes
        self.position = position
        self.isRLE4 = isRLE4
    }

    /// `width` × `height` palette indices, upright; nil when the bytes end before the end-of-bitmap escape and before
    /// the last line.
    mutating func expand(width: Int, height: Int) -> [UInt8]? {
        var indices = [UInt8](repeating: 0, count: width * height)
        while y < height {
            guard let count = next(), let value = next() else { return nil }
            switch (count, value) {
            case (0, 0): (x, y) = (0, y + 1)
            case (0, 1): return indices
            case (0, 2):
                guard let right = next(), let up = next() else { return nil }
                (x, y) = (x + Int(right), y + Int(up))
            case (0, let literal):
                guard copy(Int(literal), into: &indices, width: width, height: height) else { return nil }
            default:
                for i in 0..<Int(count) {
                    put(isRLE4 ? nibble(i, of: value) : value, into: &indices, width: width, height: height)
                }
            }
        }
        return indices
    }

    /// Literal indices, padded to an even number of bytes; false when the bytes end.
    private mutating func copy(_ count: Int, into indices: inout [UInt8], width: Int, height: Int) -> Bool {
        let byteCount = isRLE4 ? (count + 1) / 2 : count
        guard byteCount <= bytes.count - position else { return false }
        for i in 0..<count {
            let value = isRLE4 ? nibble(i, of: bytes[position + i / 2]) : bytes[position + i]
            put(value, into: &indices, width: width, height: height)
        }
        position += byteCount + byteCount % 2
        return true
    }

    /// Lines come from the bottom up.
    private mutating func put(_ index: UInt8, into indices: inout [UInt8], width: Int, height: Int) {
        if x < width, y < height { indices[(height - 1 - y) * width + x] = index }
        x += 1
    }

    private func nibble(_ i: Int, of value: UInt8) -> UInt8 { i % 2 == 0 ? value >> 4 : value & 15 }

    private mutating func next() -> UInt8? {
        guard position < bytes.count else { return nil }
        defer { position += 1 }
        return bytes[position]
    }
}
