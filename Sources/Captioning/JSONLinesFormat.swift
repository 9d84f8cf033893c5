import FoundationEssentials

/// One JSON object a line, keys in alphabetical order.
enum JSONLinesFormat: RowFormat {
    static var header: [UInt8] { [] }
    static var quotesLineEnds: Bool { false }

    static func line(_ row: CaptionRow) -> [UInt8] {
        guard let json = try? JSONEncoder.stable.encode(row) else {
            preconditionFailure("a row always has a JSON form")
        }
        return Array(json) + [UInt8(ascii: "\n")]
    }

    static func origin(of record: ArraySlice<UInt8>, isFirst: Bool) throws(RowProblem) -> RowOrigin? {
        if record.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) { return nil }
        guard let row = try? JSONDecoder().decode(Line.self, from: Data(record)) else {
            throw RowProblem(reason: "expected a JSON object with a \"path\"")
        }
        return RowOrigin(path: row.path, sha256: row.sha256, root: row.root)
    }

    static func isWhole(_ record: ArraySlice<UInt8>) -> Bool {
        (try? JSONDecoder().decode(Line.self, from: Data(record))) != nil
    }

    private struct Line: Decodable {
        let path: String
        let sha256: String?
        let root: String?
    }
}
