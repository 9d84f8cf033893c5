import FoundationEssentials

/// What `--json` prints: one value a line, keys in alphabetical order.
enum JSONOutput {
    static func print(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try StandardStream.output.writeLine(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}
