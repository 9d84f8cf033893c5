import FoundationEssentials

/// Writes each caption beside its image: `a.jpg` → `a.jpg.txt` or `a.jpg.json`.
///
/// The image's whole name is kept, because `a.jpg` and `a.png` are two images and would share `a.txt`. A sidecar that cannot
/// be written for a reason of its own is the trouble of its image alone: it is `CaptionError.sidecarUnwritable`.
final class SidecarWriter: CaptionOutput {
    private let isJSON: Bool
    private let policy: ExistingPolicy

    init(format: SidecarFormat, policy: ExistingPolicy) throws(CaptionError) {
        isJSON = format == .json
        self.policy = policy
        if isJSON, policy == .append { throw .appendToJSONSidecar }
    }

    func caption(of image: FoundImage) throws(CaptionError) -> HeldCaption? {
        try sidecar(of: image) { (path) throws(CaptionError) in
            if let held = try heldCaption(at: path) { return held }
            try AtomicFile.checkWritable(path)
            return nil
        }
    }

    func discard(_ paths: Set<String>) {}

    func write(_ row: CaptionRow, at index: Int, of image: FoundImage) throws(CaptionError) -> Bool {
        try sidecar(of: image) { (path) throws(CaptionError) in
            if policy == .append { return try append(row.caption + "\n", to: path) }
            try AtomicFile.write(content(for: row), to: path)
            return true
        }
    }

    func pass(_ index: Int) {}

    func flush() {}

    func complete() {}

    /// An empty sidecar is not a caption: other tools create the file first and may be killed before they write.
    private func heldCaption(at path: String) throws(CaptionError) -> HeldCaption? {
        guard policy == .skip, let content = try AtomicFile.content(of: path), !content.isEmpty else { return nil }
        guard isJSON else { return HeldCaption(text: String(decoding: content, as: UTF8.self)) }
        let row = try? JSONDecoder().decode(Origin.self, from: Data(content))
        return HeldCaption(sha256: row?.sha256)
    }

    private func content(for row: CaptionRow) -> [UInt8] {
        guard isJSON else { return Array((row.caption + "\n").utf8) }
        let encoder = JSONEncoder.stable
        encoder.outputFormatting.insert(.prettyPrinted)
        guard let json = try? encoder.encode(row) else { preconditionFailure("a row always has a JSON form") }
        return Array(json) + [UInt8(ascii: "\n")]
    }

    /// Adds `text`, a line, unless the file ends with it already: then an earlier run has added it, and false is returned.
    /// Works on bytes, so that text in any encoding survives.
    private func append(_ text: String, to path: String) throws(CaptionError) -> Bool {
        let line = Array(text.utf8)
        var content = try AtomicFile.content(of: path) ?? []
        let newline = UInt8(ascii: "\n")
        if let last = content.last, last != newline { content.append(newline) }
        let held = content.suffix(line.count)
        let startsLine = content.count == line.count || content.dropLast(line.count).last == newline
        if held.elementsEqual(line), startsLine { return false }
        try AtomicFile.write(content + line, to: path)
        return true
    }

    /// Runs `body` on the path of the image's sidecar, and tells this image's troubles from everybody's.
    private func sidecar<Result>(
        of image: FoundImage, _ body: (String) throws(CaptionError) -> Result
    ) throws(CaptionError) -> Result {
        let path = image.location + (isJSON ? ".json" : ".txt")
        do { return try body(path) } catch {
            switch error {
            case .unwritable(_, let reason) where reason.concernsOneFile,
                .unreadable(_, let reason) where reason.concernsOneFile:
                throw .sidecarUnwritable(path: path, reason: reason)
            default: throw error
            }
        }
    }

    private struct Origin: Decodable {
        let sha256: String?
    }
}
