import Compute

/// A square table of learned positions, stretched over a grid of any shape with the corner cells on the corner patches (bilinear,
/// `align_corners`).
struct StretchedPositions: Sendable {
    private let side: Int
    private let width: Int
    /// [side², width].
    private let table: [Float]

    init(_ weights: Weights, name: String, side: Int, width: Int) throws {
        self.side = side
        self.width = width
        table = try weights.values(name, shape: [side * side, width])
    }

    /// [places, width] in host memory, of a grid of `rows` × `columns`.
    func rows(at places: ArraySlice<PatchGrid.Place>, of rows: Int, by columns: Int) -> Tensor {
        let result = Tensor.host(shape: [places.count, width], type: .f32)
        let write = result.bytes.bindMemory(to: Float.self).baseAddress!
        table.withUnsafeBufferPointer { table in
            for (index, place) in places.enumerated() {
                let (vertical, horizontal) = (taps(place.row, of: rows), taps(place.column, of: columns))
                let target = write + index * width
                target.update(repeating: 0, count: width)
                for (y, down) in vertical {
                    for (x, across) in horizontal {
                        let (cell, weight) = ((y * side + x) * width, down * across)
                        var channel = 0
                        while channel < width {
                            target[channel] += weight * table[cell + channel]
                            channel += 1
                        }
                    }
                }
            }
        }
        return result
    }

    /// The two cells that a patch lies between, and how much it has of each.
    private func taps(_ index: Int, of count: Int) -> [(cell: Int, weight: Float)] {
        let position = Float(index * (side - 1)) / Float(max(count - 1, 1))
        let cell = Int(position)
        let beyond = position - Float(cell)
        return [(cell, 1 - beyond), (min(cell + 1, side - 1), beyond)]
    }
}
