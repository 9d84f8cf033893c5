import Compute
import Testing

@testable import Models

struct GridPositionsTests {
    private func axes(_ grid: GridPositions, _ tokens: Range<Int>) -> [[Int32]] {
        let positions = tokens.map { grid[$0] }
        return [positions.map(\.time), positions.map(\.row), positions.map(\.column)]
    }

    @Test func `a picture takes as many steps as its longer side, and text goes on from there`() {
        let grid = GridPositions([.init(firstToken: 3, rows: 2, columns: 3)])
        #expect(
            axes(grid, 0..<12) == [
                [0, 1, 2, 3, 3, 3, 3, 3, 3, 6, 7, 8], [0, 1, 2, 3, 3, 3, 4, 4, 4, 6, 7, 8],
                [0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 7, 8],
            ])
        // Three fewer than the index, for ever.
        #expect(grid[1000] == .text(at: 997))
    }

    @Test func `pictures may begin a prompt, and follow one another`() {
        let grid = GridPositions([
            .init(firstToken: 0, rows: 3, columns: 1), .init(firstToken: 3, rows: 1, columns: 2),
            .init(firstToken: 6, rows: 1, columns: 1),
        ])
        #expect(
            axes(grid, 0..<8) == [
                [0, 0, 0, 3, 3, 5, 6, 7], [0, 1, 2, 3, 3, 5, 6, 7], [0, 0, 0, 3, 4, 5, 6, 7],
            ])
    }

    /// transformers 5.23, for heads of 128.
    @Test func `axes share pairs section by section or in turn`() {
        let sections = RotaryAxes(sections: [16, 24, 24], isInterleaved: false)
        let inTurn = RotaryAxes(sections: [24, 20, 20], isInterleaved: true)
        for pair in 0..<64 {
            #expect(sections.axis(ofPair: pair) == (pair < 16 ? .time : pair < 40 ? .row : .column))
            let expected: RotaryAxes.Axis =
                pair % 3 == 1 && pair < 60 ? .row : pair % 3 == 2 && pair < 60 ? .column : .time
            #expect(inTurn.axis(ofPair: pair) == expected)
        }
        #expect((0..<64).count { inTurn.axis(ofPair: $0) == .time } == 24)
    }

    @Test func `each pair turns by its axis, and by one position where rows have one`() throws {
        let backend = CPUBackend(threads: 1)
        let axes = RotaryAxes(sections: [1, 1, 2], isInterleaved: false)
        let rotary = Rotary(.init(theta: 10, scaling: .none, axes: axes), headSize: 8)
        var batch = ForwardBatch(tokens: [0], positions: [5], layout: BatchLayout(sequences: []), logitRows: [])
        #expect(
            try backend.download(rotary.angles(of: batch, on: backend).sines)
                == backend.download(rotary.angles(at: [5], on: backend).sines))
        batch.gridPositions = [GridPosition(time: 2, row: 3, column: 7)]
        let found = try backend.download(rotary.angles(of: batch, on: backend).cosines)
        let alone = try [2, 3, 7, 7].enumerated().map { pair, position in
            try backend.download(rotary.angles(at: [Int32(position)], on: backend).cosines)[pair]
        }
        #expect(found == alone)
    }
}
