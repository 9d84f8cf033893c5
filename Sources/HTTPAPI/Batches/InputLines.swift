import Jobs

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A line of a batch's file that is not blank.
struct InputLine: Sendable {
    /// Counted from 1, blank lines included, as an editor does.
    let number: Int
    /// Without its end; nil when it is longer than a line may be.
    let text: [UInt8]?
}

/// The lines of a blob, read a few at a time: of the whole there is never more in memory than those and one piece.
struct InputLines {
    private static let chunk = 256 << 10
    /// Fewer lines are given at once when they are long.
    private static let mostBytes = 4 << 20

    private let reader: BlobReader
    private let longest: Int
    private var offset = 0
    private var buffer: [UInt8] = []
    /// Where the next line begins in the buffer, and up to where no line's end was found in it.
    private var start = 0, scanned = 0
    private var number = 0
    private var isSkipping = false

    init(_ reader: BlobReader, longest: Int) {
        self.reader = reader
        self.longest = longest
    }

    /// The next lines, at most `count`; none at the end.
    mutating func next(upTo count: Int) async throws -> [InputLine] {
        var lines: [InputLine] = []
        var bytes = 0
        while lines.count < count, bytes < Self.mostBytes, let line = try await next() {
            lines.append(line)
            bytes += line.text?.count ?? 0
        }
        return lines
    }

    private mutating func next() async throws -> InputLine? {
        while true {
            if let end = lineEnd() {
                let line = take(upTo: end)
                (start, scanned) = (end + 1, end + 1)
                if let line { return line }
                continue
            }
            scanned = buffer.count
            if isSkipping || buffer.count - start > longest {
                isSkipping = true
                start = buffer.count
            }
            buffer.removeFirst(start)
            (start, scanned) = (0, scanned - start)
            let piece = try await reader.bytes(at: offset, count: Self.chunk)
            guard !piece.isEmpty else { return lastLine() }
            offset += piece.count
            buffer += piece
        }
    }

    /// What follows the last line's end, if anything does.
    private mutating func lastLine() -> InputLine? {
        guard !buffer.isEmpty || isSkipping else { return nil }
        defer {
            buffer = []
            scanned = 0
        }
        return take(upTo: buffer.count)
    }

    /// Nil when it is blank.
    private mutating func take(upTo end: Int) -> InputLine? {
        number += 1
        let text = buffer[start..<end]
        guard !isSkipping, text.count <= longest else {
            isSkipping = false
            return InputLine(number: number, text: nil)
        }
        let isBlank = text.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
        return isBlank ? nil : InputLine(number: number, text: Array(text))
    }

    private func lineEnd() -> Int? {
        buffer.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, scanned < bytes.count,
                let found = memchr(base + scanned, 0x0A, bytes.count - scanned)
            else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }
}
