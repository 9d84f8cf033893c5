/// Where a token stands for a model that turns heads by three positions: equal ones in text, and in a picture the time at which
/// it begins and the row and column beside it.
public struct GridPosition: Sendable, Hashable {
    public var time: Int32
    public var row: Int32
    public var column: Int32

    public init(time: Int32, row: Int32, column: Int32) {
        self.time = time
        self.row = row
        self.column = column
    }
}

/// The three positions of every token of a prompt with pictures and of its answer (M-RoPE; Wang et al. 2024,
/// arXiv:2409.12191, section 2.1): a picture of many tokens takes as many steps as its longer side, and what follows goes on from
/// there.
///
/// The position of a token follows from the pictures before it and its own, never from what comes later.
public struct GridPositions: Sendable, Hashable {
    /// The grid of tokens that a picture is.
    public struct Picture: Sendable, Hashable {
        /// Index of its first token in the prompt; the others follow it, row by row.
        public var firstToken: Int
        public var rows: Int
        public var columns: Int

        public init(firstToken: Int, rows: Int, columns: Int) {
            self.firstToken = firstToken
            self.rows = rows
            self.columns = columns
        }
    }

    private struct Block: Sendable, Hashable {
        let picture: Picture
        /// Position of its first token on all axes.
        let start: Int
        /// Index of the first token after it, and that token's position.
        let nextToken: Int
        let nextStart: Int
    }

    private let blocks: [Block]

    /// `pictures`: in order of their tokens, none inside another.
    public init(_ pictures: [Picture]) {
        var blocks: [Block] = []
        for picture in pictures {
            let (token, position) = blocks.last.map { ($0.nextToken, $0.nextStart) } ?? (0, 0)
            precondition(picture.firstToken >= token, "pictures are out of order")
            let start = position + picture.firstToken - token
            blocks.append(
                Block(
                    picture: picture, start: start, nextToken: picture.firstToken + picture.rows * picture.columns,
                    nextStart: start + max(picture.rows, picture.columns)))
        }
        self.blocks = blocks
    }

    /// The position of token `index` of the prompt or, beyond its end, of the answer.
    public subscript(index: Int) -> GridPosition {
        guard let block = blocks.last(where: { $0.picture.firstToken <= index }) else { return .text(at: index) }
        guard index < block.nextToken else { return .text(at: block.nextStart + index - block.nextToken) }
        let (row, column) = (index - block.picture.firstToken).quotientAndRemainder(dividingBy: block.picture.columns)
        let start = block.start
        return GridPosition(time: Int32(start), row: Int32(start + row), column: Int32(start + column))
    }
}

extension GridPosition {
    public static func text(at position: Int) -> GridPosition {
        GridPosition(time: Int32(position), row: Int32(position), column: Int32(position))
    }
}
