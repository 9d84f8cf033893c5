/// Prints `path<TAB>caption`, one line an image, in the order of the walk: a line waits for those before it.
final class LineWriter: CaptionOutput {
    private let print: (String) throws -> Void
    /// Lines that wait for an earlier one; nil for an image without a caption.
    private var waiting: [Int: String?] = [:]
    private var next = 0

    init(print: @escaping (String) throws -> Void) { self.print = print }

    func caption(of image: FoundImage) -> HeldCaption? { nil }

    func discard(_ paths: Set<String>) {}

    func write(_ row: CaptionRow, at index: Int, of image: FoundImage) throws -> Bool {
        let caption = TextStep.singleLine.apply(to: row.caption)
        waiting[index] = row.path.spellingOutControls + "\t" + caption.spellingOutControls
        try release()
        return true
    }

    func pass(_ index: Int) throws {
        waiting[index] = .some(nil)
        try release()
    }

    func flush() {}

    func complete() {}

    private func release() throws {
        while let line = waiting.removeValue(forKey: next) {
            if let line { try print(line) }
            next += 1
        }
    }
}
