/// The order in which a tower takes the patches of a picture: in square units that it merges in the end, one after the other,
/// and the units window by window where most of its blocks look no further (Bai et al. 2025, arXiv:2502.13923).
struct PatchGrid: Sendable, Equatable {
    /// Where a patch lies.
    struct Place: Sendable, Equatable {
        let row: Int
        let column: Int
    }

    /// Patches along a side of a unit.
    let merge: Int
    /// Of every patch, in the tower's order.
    let places: [Place]
    /// The number in reading order of every unit, in the tower's order.
    let units: [Int]
    /// Patches of each window.
    let windows: [Int]

    /// A picture of `rows` × `columns` patches, both whole units. `window`: the side of a window in units; nil: one window.
    init(rows: Int, columns: Int, merge: Int, window: Int?) {
        precondition(rows.isMultiple(of: merge) && columns.isMultiple(of: merge), "\(rows) × \(columns) patches")
        let (down, across) = (rows / merge, columns / merge)
        let side = window ?? max(down, across)
        var (units, windows): ([Int], [Int]) = ([], [])
        for top in stride(from: 0, to: down, by: side) {
            for left in stride(from: 0, to: across, by: side) {
                let (bottom, right) = (min(top + side, down), min(left + side, across))
                for row in top..<bottom { units += (left..<right).map { row * across + $0 } }
                windows.append((bottom - top) * (right - left) * merge * merge)
            }
        }
        self.merge = merge
        self.units = units
        self.windows = windows
        places = units.flatMap { unit in
            (0..<merge * merge).map { cell in
                Place(row: unit / across * merge + cell / merge, column: unit % across * merge + cell % merge)
            }
        }
    }
}
