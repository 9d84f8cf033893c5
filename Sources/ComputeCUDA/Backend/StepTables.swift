import CCUDA
import Compute
import Synchronization

/// What the kernels of a step ask about its rows, made and copied once for all layers that see alike.
struct StepTables: Sendable {
    /// i32: positions, first pages, starts and ends of all rows, then the tiles, then the rows that are alone.
    private let table: Tensor
    private let pages: Tensor
    private let seen: SeenTokens?
    private let rows: Int
    /// Of sequences with several rows: pairs of a first row and a number of rows.
    let tileCount: Int
    /// Rows that are alone in their sequence.
    let singleCount: Int
    /// Runs of tokens of the longest context among those.
    let runs: Int

    init(_ layout: PagedLayout, rows: Int, on backend: CUDABackend) throws {
        // A row of no sequence stores nothing: its position is −1.
        var positions = [Int32](repeating: -1, count: rows)
        var firstPages = [Int32](repeating: 0, count: rows)
        var tiles: [Int32] = []
        var singles: [Int32] = []
        var longest = 0
        let size = Int(KERNEL_QUERY_TILE)
        for sequence in layout.sequences {
            precondition(sequence.rows.upperBound <= rows, "rows \(sequence.rows) of \(rows)")
            let past = sequence.contextLength - sequence.rows.count
            for (index, row) in sequence.rows.enumerated() {
                positions[row] = Int32(past + index)
                firstPages[row] = Int32(sequence.firstPage)
            }
            if sequence.rows.count == 1 {
                singles.append(Int32(sequence.rows.lowerBound))
                longest = max(longest, sequence.contextLength)
            } else {
                for start in stride(from: sequence.rows.lowerBound, to: sequence.rows.upperBound, by: size) {
                    tiles += [Int32(start), Int32(min(size, sequence.rows.upperBound - start))]
                }
            }
        }
        let starts = [Int32](repeating: 0, count: rows)
        table = try backend.upload(positions + firstPages + starts + positions.map { $0 + 1 } + tiles + singles)
        pages = layout.pages
        seen = layout.seen
        self.rows = rows
        tileCount = tiles.count / 2
        singleCount = singles.count
        runs = (longest + Int(KERNEL_RUN_TOKENS) - 1) / Int(KERNEL_RUN_TOKENS)
    }

    private func address(_ index: Int) -> UInt64 { table.deviceAddress + 4 * UInt64(index) }

    var places: step_places {
        step_places(
            positions: address(0), firstPages: address(rows), pages: pages.deviceAddress,
            starts: seen?.starts.deviceAddress ?? address(2 * rows),
            ends: seen?.ends.deviceAddress ?? address(3 * rows))
    }

    var tiles: UInt64 { address(4 * rows) }
    var singles: UInt64 { address(4 * rows + 2 * tileCount) }
}

/// The tables of the layouts used last: a step has one, or two where layers see differently.
final class StepTableCache: Sendable {
    private struct Entry {
        /// Held, so that no other layout's storage can be taken for it.
        let pages: Storage
        let rows: Int
        let tables: StepTables
    }

    private let entries = Mutex<[Entry]>([])

    func tables(of layout: PagedLayout, rows: Int, on backend: CUDABackend) throws -> StepTables {
        let known = entries.withLock { entries in
            entries.first { $0.pages === layout.pages.storage && $0.rows == rows }?.tables
        }
        if let known { return known }
        let tables = try StepTables(layout, rows: rows, on: backend)
        entries.withLock { entries in
            if entries.count == 2 { entries.removeFirst() }
            entries.append(Entry(pages: layout.pages.storage, rows: rows, tables: tables))
        }
        return tables
    }
}
