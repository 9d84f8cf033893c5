/// How rows are spelt in a file: JSON lines or CSV.
protocol RowFormat {
    /// What a new file begins with.
    static var header: [UInt8] { get }
    /// A row with its line end.
    static func line(_ row: CaptionRow) -> [UInt8]
    /// Whose caption a record holds, given without its line end; nil for a record that holds none (a header, an empty line).
    static func origin(of record: ArraySlice<UInt8>, isFirst: Bool) throws(RowProblem) -> RowOrigin?
    /// Whether a last record without a line end is whole: then only its line end is missing.
    static func isWhole(_ record: ArraySlice<UInt8>) -> Bool
    /// Whether line ends inside double quotes belong to the record.
    static var quotesLineEnds: Bool { get }
}

/// What is read of a row: enough to know whether its image is done.
struct RowOrigin: Hashable {
    var path: String
    var sha256: String?
    var root: String?
}

/// Why a record is not a row of ours.
struct RowProblem: Error, Hashable {
    var reason: String
}
