import Compute

/// A picture's way through a Qwen tower in slices of about `FrameRows.atOnce` patches: every step but attention knows each row by
/// itself, and attention over the whole picture takes a few queries at a time.
struct QwenVLEncoding: ImageEncoding {
    private enum Slice {
        case embed(Range<Int>)
        /// A whole attention of rows that are whole segments.
        case attendWithin(block: Int, rows: Range<Int>, segments: [Int])
        /// Queries, keys and values of some rows, before any row of the picture is changed.
        case project(block: Int, rows: Range<Int>)
        case attend(block: Int, queries: Range<Int>)
        case feedForward(block: Int, rows: Range<Int>)
        case merge(level: Int, units: Range<Int>)
    }

    private let image: ProcessedImage
    private let tower: QwenVLVision
    private let backend: any Backend
    private let grid: PatchGrid
    private let angles: RotaryAngles
    private let slices: [Slice]
    private var done = 0
    /// [patches, width].
    private let hidden: Tensor
    /// [patches, 3 × width] while a block attends over the whole picture.
    private var projected: Tensor?
    /// [tokens × levels, decoder width].
    private var features: Tensor?

    init(
        of image: ProcessedImage, by tower: QwenVLVision, rowsAtOnce: Int = FrameRows.atOnce, on backend: any Backend
    ) throws {
        let vision = tower.configuration
        grid = PatchGrid(
            rows: image.height / vision.patchSize, columns: image.width / vision.patchSize, merge: vision.merge,
            window: vision.window)
        slices = Self.slices(vision, grid, rowsAtOnce)
        angles = try tower.angles(at: grid.places, on: backend)
        hidden = try backend.makeTensor([grid.places.count, vision.blocks.width], .f32)
        self.image = image
        self.tower = tower
        self.backend = backend
    }

    mutating func advance() throws -> Tensor? {
        try perform(slices[done])
        done += 1
        guard done == slices.count, let features else { return nil }
        return features.reshaped([grid.units.count, features.width * tower.mergers.count])
    }

    private mutating func perform(_ slice: Slice) throws {
        switch slice {
        case .embed(let rows):
            try put(tower.embed(image, at: grid.places[rows], on: backend), into: hidden, at: rows)
        case .attendWithin(let block, let rows, let segments):
            let projected = try tower.blocks[block].project(hidden.rows(rows), angles.rows(rows), on: backend)
            try tower.blocks[block].attend(
                projected, segments: segments, queries: 0..<rows.count, addingTo: hidden.rows(rows), on: backend)
        case .project(let block, let rows):
            let all = try projected ?? backend.makeTensor([hidden.rows, 3 * hidden.width], .f32)
            try put(tower.blocks[block].project(hidden.rows(rows), angles.rows(rows), on: backend), into: all, at: rows)
            projected = all
        case .attend(let block, let queries):
            guard let projected else { preconditionFailure("queries come before their keys") }
            try tower.blocks[block].attend(
                projected, segments: [hidden.rows], queries: queries, addingTo: hidden.rows(queries), on: backend)
        case .feedForward(let block, let rows):
            projected = nil
            try tower.blocks[block].feedForward(hidden.rows(rows), on: backend)
        case .merge(let level, let units):
            let cells = grid.merge * grid.merge
            let merged = try tower.mergers[level](
                hidden.rows(units.lowerBound * cells..<units.upperBound * cells), on: backend)
            let levels = tower.mergers.count
            let all = try features ?? backend.makeTensor([grid.units.count * levels, merged.width], .f32)
            // In reading order again.
            try backend.scatter(merged, into: all, at: grid.units[units].map { Int32($0 * levels + level) })
            features = all
        }
    }

    private func put(_ rows: Tensor, into target: Tensor, at range: Range<Int>) throws {
        try backend.scatter(rows, into: target, at: range.map(Int32.init))
    }

    private static func slices(
        _ vision: QwenVLConfiguration.Vision, _ grid: PatchGrid, _ rowsAtOnce: Int
    ) -> [Slice] {
        let count = grid.places.count
        let runs = parts(count, of: rowsAtOnce)
        // As much as a frame of `rowsAtOnce` patches whose every row sees every other.
        let queries = parts(count, of: max(min(64, rowsAtOnce), rowsAtOnce * rowsAtOnce / count))
        let units = parts(grid.units.count, of: max(1, rowsAtOnce / (grid.merge * grid.merge)))
        let windows = groups(of: grid.windows, upTo: rowsAtOnce)
        var slices = runs.map(Slice.embed)
        for block in 0..<vision.blocks.layers {
            let seesAll = vision.window == nil || vision.wholeBlocks.contains(block)
            if !seesAll {
                slices += windows.map { .attendWithin(block: block, rows: $0.rows, segments: $0.segments) }
            } else if count <= rowsAtOnce {
                slices.append(.attendWithin(block: block, rows: 0..<count, segments: [count]))
            } else {
                slices += runs.map { .project(block: block, rows: $0) }
                slices += queries.map { .attend(block: block, queries: $0) }
            }
            slices += runs.map { .feedForward(block: block, rows: $0) }
            if let level = vision.levelBlocks.firstIndex(of: block) {
                slices += units.map { .merge(level: level + 1, units: $0) }
            }
        }
        return slices + units.map { .merge(level: 0, units: $0) }
    }

    private static func parts(_ count: Int, of length: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: length).map { $0..<min($0 + length, count) }
    }

    /// Neighbouring windows together, as many as have `limit` rows, at least one.
    private static func groups(of windows: [Int], upTo limit: Int) -> [(rows: Range<Int>, segments: [Int])] {
        var groups: [(rows: Range<Int>, segments: [Int])] = []
        for window in windows {
            if let last = groups.last, last.rows.count + window <= limit {
                groups[groups.count - 1].rows = last.rows.lowerBound..<last.rows.upperBound + window
                groups[groups.count - 1].segments.append(window)
            } else {
                let start = groups.last?.rows.upperBound ?? 0
                groups.append((start..<start + window, [window]))
            }
        }
        return groups
    }
}

extension RotaryAngles {
    /// The angles of some rows.
    fileprivate func rows(_ range: Range<Int>) -> RotaryAngles {
        RotaryAngles(cosines: cosines.rows(range), sines: sines.rows(range))
    }
}
