import FoundationEssentials

/// Writes each caption beside its image: `a.jpg` → `a.jpg.txt` or `a.jpg.json`.
///
/// The image's whole name is kept, because `a.jpg` and `a.png` are two images and would share `a.txt`.
final class SidecarWriter: CaptionOutput {
    private let isJSON: Bool
    private let policy: ExistingPolicy

    init(format: SidecarFormat, policy: ExistingPolicy) throws(CaptionError) {
        isJSON = format == .json
        self.policy = policy
        if isJSON, policy == .append { throw .appendToJSONSidecar }
    }

    /// An empty sidecar is not a caption: other tools create the file first and may be killed before they write.
    func caption(of image: FoundImage) throws(CaptionError) -> HeldCaption? {
        guard policy == .skip, let content = try AtomicFile.content(of: path(of: image)), !content.isEmpty else {
            return nil
        }
        guard isJSON else { return HeldCaption(text: String(decoding: content, as: UTF8.self)) }
        let row = try? JSONDecoder().decode(Origin.self, from: Data(content))
        return HeldCaption(sha256: row?.sha256)
    }

    func discard(_ paths: Set<String>) {}

    func write(_ row: CaptionRow, at index: Int, of image: FoundImage) throws(CaptionError) {
        let path = path(of: image)
        guard isJSON else {
            let line = Array((row.caption + "\n").utf8)
            guard policy == .append else { return try AtomicFile.write(line, to: path) }
            return try append(line, to: path)
        }
        let encoder = JSONEncoder.stable
        encoder.outputFormatting.insert(.prettyPrinted)
        guard let json = try? encoder.encode(row) else { preconditionFailure("a row always has a JSON form") }
        try AtomicFile.write(Array(json) + [UInt8(ascii: "\n")], to: path)
    }

    func pass(_ index: Int) {}

    func flush() {}

    /// Adds `line` unless the file ends with it already: then an earlier, interrupted run has added it. Works on bytes,
    /// so that text in any encoding survives.
    private func append(_ line: [UInt8], to path: String) throws(CaptionError) {
        var content = try AtomicFile.content(of: path) ?? []
        let newline = UInt8(ascii: "\n")
        if let last = content.last, last != newline { content.append(newline) }
        let held = content.suffix(line.count)
        let startsLine = content.count == line.count || content.dropLast(line.count).last == newline
        if held.elementsEqual(line), startsLine { return }
        try AtomicFile.write(content + line, to: path)
    }

    private func path(of image: FoundImage) -> String { image.location + (isJSON ? ".json" : ".txt") }

    private struct Origin: Decodable {
        let sha256: String?
    }
}
