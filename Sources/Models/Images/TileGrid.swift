/// How many tiles a picture is stretched over, where the grid is chosen from all of at most so many tiles.
struct TileGrid: Sendable, Equatable {
    /// What makes one grid better than another.
    enum Rule: String, Sendable, CaseIterable {
        /// Grids with 60 % of the picture's pixels or more count as large enough; of those, and of smaller ones in
        /// proportion to their size, the one with the picture's shape (Llama Nemotron Nano VL; the training code
        /// and vLLM agree).
        case areaWeighted = "area_weighted"
        /// The shape alone; of equal ones the larger if the picture has more than half of its pixels (InternVL).
        case closestRatio = "closest_ratio"
    }

    var columns: Int
    var rows: Int

    var count: Int { columns * rows }

    /// The best grid of at most `most` tiles of `tile` × `tile` pixels for a picture.
    ///
    /// The arithmetic is that of the published code, in f64 and in the same order, because nearly equal grids are
    /// told apart by the last bit.
    static func best(width: Int, height: Int, tile: Int, most: Int, rule: Rule) -> TileGrid {
        let aspect = Double(width) / Double(height)
        let area = Double(width) * Double(height)
        var best = TileGrid(columns: 1, rows: 1)
        var bestScore = rule == .areaWeighted ? 0 : -Double.infinity
        for grid in candidates(most) {
            let ratio = Double(grid.columns) / Double(grid.rows)
            let covered = Double(grid.count * tile * tile)
            switch rule {
            case .areaWeighted:
                let score = min(covered / area, 0.6) * min(ratio / aspect, aspect / ratio)
                if score > bestScore { (best, bestScore) = (grid, score) }
            case .closestRatio:
                let score = -abs(aspect - ratio)
                if score > bestScore || score == bestScore && area > 0.5 * covered { (best, bestScore) = (grid, score) }
            }
        }
        return best
    }

    /// All grids of at most `most` tiles, few tiles first; the first of equally good ones wins.
    ///
    /// Grids of as many tiles stand in the order of the published code, which takes them from a Python set, filled anew for
    /// each limit. Written down are those of 12, which is what checkpoints come with, and of 6, where (as at 7) large squares
    /// would be cut otherwise; no other limit up to 12 cuts any of 4,780 sizes tried in another way.
    private static func candidates(_ most: Int) -> [TileGrid] {
        let known = (6...7).contains(most) ? ofSix + ofTwelve.filter { $0.count == 7 } : ofTwelve
        guard most > 12 else { return known.filter { $0.count <= most } }
        let larger = (13...most).flatMap { count in
            (1...count).filter { count.isMultiple(of: $0) }.map { TileGrid(columns: $0, rows: count / $0) }
        }
        return known + larger
    }

    private static let ofTwelve = [
        (1, 1), (1, 2), (2, 1), (3, 1), (1, 3), (2, 2), (4, 1), (1, 4), (5, 1), (1, 5), (1, 6), (6, 1), (3, 2), (2, 3),
        (7, 1), (1, 7), (4, 2), (2, 4), (1, 8), (8, 1), (1, 9), (3, 3), (9, 1), (2, 5), (5, 2), (10, 1), (1, 10),
        (11, 1), (1, 11), (12, 1), (3, 4), (4, 3), (1, 12), (6, 2), (2, 6),
    ].map { TileGrid(columns: $0.0, rows: $0.1) }

    private static let ofSix = [
        (1, 1), (1, 2), (2, 1), (3, 1), (1, 3), (4, 1), (1, 4), (2, 2), (1, 5), (5, 1), (6, 1), (2, 3), (1, 6), (3, 2),
    ].map { TileGrid(columns: $0.0, rows: $0.1) }
}
