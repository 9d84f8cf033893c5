import FoundationEssentials

/// Comma-separated values as in RFC 4180: CRLF line ends, fields quoted where they must be, quotes doubled.
enum CSVFormat: RowFormat {
    private static let columns = [
        "path", "caption", "model", "finish_reason", "sha256", "root", "bytes", "width", "height", "recipe",
        "prompt_sha256", "weights_sha256", "quantization", "parameters", "prompt_tokens", "completion_tokens",
        "captioned_at",
    ]

    static var header: [UInt8] { record(columns) }
    static var quotesLineEnds: Bool { true }

    static func line(_ row: CaptionRow) -> [UInt8] {
        guard let parameters = try? JSONEncoder.stable.encode(row.parameters) else {
            preconditionFailure("parameters always have a JSON form")
        }
        return record([
            row.path, row.caption, row.model, row.finishReason, row.sha256, row.root ?? "", "\(row.bytes)",
            row.width.map(String.init) ?? "", row.height.map(String.init) ?? "", row.recipe, row.promptSHA256,
            row.weightsSHA256 ?? "", row.quantization ?? "", String(decoding: parameters, as: UTF8.self),
            "\(row.promptTokens)", "\(row.completionTokens)", row.captionedAt,
        ])
    }

    static func origin(of record: ArraySlice<UInt8>, isFirst: Bool) throws(RowProblem) -> RowOrigin? {
        let fields = fields(of: record)
        if isFirst {
            guard fields == columns else {
                throw RowProblem(reason: "expected the header \(columns.joined(separator: ","))")
            }
            return nil
        }
        if fields == [""] { return nil }
        guard fields.count == columns.count else {
            throw RowProblem(reason: "it has \(fields.count) fields, expected \(columns.count)")
        }
        return RowOrigin(
            path: fields[0], sha256: fields[4].isEmpty ? nil : fields[4], root: fields[5].isEmpty ? nil : fields[5])
    }

    /// The last field is a time of fixed length, so a row cut inside it is recognised too.
    static func isWhole(_ record: ArraySlice<UInt8>) -> Bool {
        let fields = fields(of: record)
        return fields == columns || fields.count == columns.count && fields[columns.count - 1].hasSuffix("Z")
    }

    private static func record(_ fields: [String]) -> [UInt8] {
        Array((fields.map(quoted).joined(separator: ",") + "\r\n").utf8)
    }

    private static func quoted(_ field: String) -> String {
        let needsQuotes = field.utf8.contains { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }
        return needsQuotes
            ? "\"" + field.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
            : field
    }

    /// The fields of a record without its LF; a CR at its end is dropped.
    static func fields(of record: ArraySlice<UInt8>) -> [String] {
        var fields: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        var rest = record.last == UInt8(ascii: "\r") ? record.dropLast() : record
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\"") where isQuoted && rest.first == UInt8(ascii: "\""):
                field.append(rest.removeFirst())
            case UInt8(ascii: "\""):
                isQuoted.toggle()
            case UInt8(ascii: ",") where !isQuoted:
                fields.append(String(decoding: field, as: UTF8.self))
                field = []
            default:
                field.append(byte)
            }
        }
        return fields + [String(decoding: field, as: UTF8.self)]
    }
}
