/// What stands before a part's content: which field of the form it is, and of what name a file was.
struct PartHead: Equatable, Sendable {
    let name: String
    /// Nil for a field that is no file.
    let filename: String?

    static let longestName = 256
    /// What file systems allow.
    static let longestFilename = 255

    /// - Parameter text: the header lines, without the empty one that ends them.
    init(_ text: [UInt8]) throws(APIError) {
        guard let text = String(validating: text, as: UTF8.self) else {
            throw .malformed("A part's headers are not UTF-8.", param: nil)
        }
        var disposition: HeaderParameters?
        // As bytes: to Swift, a carriage return and a line feed are one character.
        for line in text.unicodeScalars.split(whereSeparator: { $0 == "\r" || $0 == "\n" }).map(String.init) {
            guard let colon = line.firstIndex(of: ":") else {
                throw .malformed("A part has a header without a colon.", param: nil)
            }
            let value = HeaderParameters(String(line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }))
            switch line[..<colon].lowercased() {
            case "content-disposition":
                guard disposition == nil, let value, value.value == "form-data" else {
                    throw .malformed("A part's Content-Disposition is not form-data with parameters.", param: nil)
                }
                disposition = value
            case "content-type":
                guard value?.value.hasPrefix("multipart/") != true else {
                    throw .malformed("A part may not have parts of its own.", param: nil)
                }
            case "content-transfer-encoding":
                guard let value, ["binary", "7bit", "8bit"].contains(value.value) else {
                    throw .malformed("A part's content must be sent as it is: Content-Transfer-Encoding.", param: nil)
                }
            default: break
            }
        }
        guard let disposition, let name = disposition["name"], !name.isEmpty, name.utf8.count <= Self.longestName else {
            throw .malformed("A part has no name in its Content-Disposition.", param: nil)
        }
        self.name = name
        filename = try Self.filename(disposition)
    }

    /// Only what follows the last slash: some clients send a path.
    private static func filename(_ disposition: HeaderParameters) throws(APIError) -> String? {
        var found = disposition["filename"]
        if let extended = disposition["filename*"] {
            let parts = extended.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0].lowercased() == "utf-8",
                let bytes = PercentEncoding.decoded(parts[2].utf8),
                let name = String(validating: bytes, as: UTF8.self)
            else { throw .malformed("A part's filename* is not UTF-8''… with percent signs.", param: "file") }
            found = name
        }
        guard let found else { return nil }
        let name = found.split(separator: "/").last.map(String.init) ?? ""
        guard (1...longestFilename).contains(name.utf8.count),
            !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
        else {
            throw .badRequest(
                "The file's name must have 1 to \(longestFilename) bytes and no control characters.", param: "file")
        }
        return name
    }
}
