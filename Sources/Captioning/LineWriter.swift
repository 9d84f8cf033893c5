/// Prints `path<TAB>caption`, one line an image, in the order of the walk: a line waits for those before it.
final class LineWriter: CaptionOutput {
    private let print: (String) -> Void
    /// Lines that wait for an earlier one; nil for an image without a caption.
    private var waiting: [Int: String?] = [:]
    private var next = 0

    init(print: @escaping (String) -> Void) { self.print = print }

    func caption(of image: FoundImage) -> HeldCaption? { nil }

    func discard(_ paths: Set<String>) {}

    func write(_ row: CaptionRow, at index: Int, of image: FoundImage) {
        let path = TextStep.singleLine.apply(to: row.path) == row.path ? row.path : Self.escaped(row.path)
        waiting[index] = path + "\t" + TextStep.singleLine.apply(to: row.caption)
        release()
    }

    func pass(_ index: Int) {
        waiting[index] = .some(nil)
        release()
    }

    func flush() {}

    private func release() {
        while let line = waiting.removeValue(forKey: next) {
            if let line { print(line) }
            next += 1
        }
    }

    /// Control characters of a path would break the line into more than two fields.
    private static func escaped(_ path: String) -> String {
        path.unicodeScalars.map { scalar in
            switch scalar {
            case "\t": "\\t"
            case "\n": "\\n"
            case "\r": "\\r"
            default: String(scalar)
            }
        }.joined()
    }
}
