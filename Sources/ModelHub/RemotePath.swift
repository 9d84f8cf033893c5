/// Names of files and revisions that become paths on this machine.
///
/// Git forbids most of what is refused here, so a hub that lists it is not one to take files from.
enum RemotePath {
    /// What Linux allows a single name.
    private static let longestComponent = 255
    private static let longestPath = 1024

    /// What is wrong with `path` as the name of something inside a folder; nil for nothing.
    static func problem(with path: String) -> String? {
        if path.isEmpty { return "is empty" }
        if path.utf8.count > longestPath { return "is longer than \(longestPath) bytes" }
        if path.unicodeScalars.contains(where: { $0.value < 0x20 || 0x7F...0x9F ~= $0.value }) {
            return "holds control characters"
        }
        if path.hasPrefix("/") { return "begins at the root of the file system" }
        if path.contains("\\") { return "holds a backslash" }
        for component in path.split(separator: "/", omittingEmptySubsequences: false) {
            if component.isEmpty || component == "." || component == ".." { return "leads out of its folder" }
            if component.utf8.count > longestComponent { return "has a part longer than \(longestComponent) bytes" }
        }
        return nil
    }

    /// Percent-encoded for a URL (RFC 3986); slashes are kept unless `path` is to be one component.
    static func encoded(_ path: String, asOneComponent: Bool = false) -> String {
        let digits = Array("0123456789ABCDEF")
        return path.utf8.reduce(into: "") { text, byte in
            let isPlain =
                48...57 ~= byte || 65...90 ~= byte || 97...122 ~= byte || "-._~".utf8.contains(byte)
                || byte == UInt8(ascii: "/") && !asOneComponent
            if isPlain {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
    }
}
